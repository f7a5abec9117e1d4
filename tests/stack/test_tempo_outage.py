"""After an outage Tempo receives everything that the Collector queued, within its memory limit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, TracesData

from .server import Server, eventually, get
from .stack import ROOT, Stack

pytestmark = pytest.mark.stack

TRACES = 20_000
"""Twice Tempo's default limit of traces in memory, and more bytes than otel/tempo.yaml accepts at once."""
TRACES_A_POST = 250
TEXT = "x" * 570
"""Pads a trace to the size of a real one, 1.3 kB."""
SAMPLED = range(0, TRACES, TRACES // 20)
SPANS = 2 * TRACES


def trace_id(number: int) -> bytes:
    return (number + 1).to_bytes(16, "big")


def add_trace(resource: ResourceSpans, number: int) -> None:
    """A span and its child, like a verbatim's and its request's."""
    spans = resource.scope_spans.add().spans
    for span_id in (b"\x01" * 8, b"\x02" * 8):
        span = spans.add(trace_id=trace_id(number), span_id=span_id, name="outage")
        span.start_time_unix_nano, span.end_time_unix_nano = 1, 2
        span.attributes.add(key="text").value.string_value = TEXT
    spans[1].parent_span_id = spans[0].span_id


def posts() -> Iterator[bytes]:
    for first in range(0, TRACES, TRACES_A_POST):
        sent = TracesData()
        resource = sent.resource_spans.add()
        for number in range(first, first + TRACES_A_POST):
            add_trace(resource, number)
        yield sent.SerializeToString()


def send(stack: Stack) -> None:
    with requests.Session() as session:
        session.trust_env = False
        for body in posts():
            headers = {"Content-Type": "application/x-protobuf"}
            answer = session.post(f"{stack.otlp_endpoint}/v1/traces", body, headers=headers, timeout=10)
            assert answer.status_code == 200, answer.text


def counted(stack: Stack, server: str, metric: str, without: str = "") -> int:
    """The sum of a server's counter over its series without the label `without`; 0 if there are none."""
    lines = get(f"{stack.url(server)}/metrics").text.splitlines()
    found = [line for line in lines if re.match(rf"{metric}(\{{| )", line)]
    return round(sum(float(line.rsplit(" ", 1)[1]) for line in found if not without or without not in line))


def sent(stack: Stack) -> int:
    return counted(stack, "collector_own", "otelcol_exporter_sent_spans")


def failed(stack: Stack) -> int:
    return counted(stack, "collector_own", "otelcol_exporter_send_failed_spans")


def container_memory() -> int:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["tempo"]
    [gib] = re.findall(r"^(\d+)g$", service["mem_limit"])
    return int(gib) * 2**30


def peak_memory(server: Server) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    [kib] = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kib) * 1024


@pytest.fixture(scope="module")
def after_outage(stack: Stack) -> Stack:
    """Tempo was down while the Collector accepted every trace; it is up again and the queue is empty."""
    stack.tempo.stop()
    send(stack)
    stack.tempo.start()
    stack.tempo.wait()
    eventually(lambda: sent(stack) + failed(stack) == SPANS, 120, "the Collector's queue is empty", every_s=1)
    return stack


def test_the_collector_dropped_nothing(after_outage: Stack) -> None:
    assert (sent(after_outage), failed(after_outage)) == (SPANS, 0)


def test_tempo_discarded_nothing(after_outage: Stack) -> None:
    """`rate_limited` counts rejected traces, which the Collector sent again."""
    discarded = counted(after_outage, "tempo", "tempo_discarded_spans_total", without='reason="rate_limited"')
    assert (counted(after_outage, "tempo", "tempo_distributor_spans_received_total"), discarded) == (SPANS, 0)


def test_sampled_traces_are_complete(after_outage: Stack) -> None:
    assert [len(after_outage.trace(trace_id(number).hex(), spans=2)) for number in SAMPLED] == [2] * len(SAMPLED)


def test_tempo_stays_within_the_memory_of_its_container(after_outage: Stack) -> None:
    assert peak_memory(after_outage.tempo) < container_memory()
