"""Every exemplar of a slow request in a short-lived process leads to the trace of that request."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pipeline.sandbox import Sandbox
from pipeline.telemetry import catalogue

from .runs import Runs
from .server import eventually
from .stack import Stack, attributes

pytestmark = pytest.mark.stack

PROCESSES = 20
AT_A_TIME = 5
LATENCY_S = 3.0
"""The sandbox varies it by a fifth: it stays between two histogram bounds, 2 and 4 s."""
SLOW_S = 2.0
CANARY = "canari-4d2b"


@pytest.fixture(scope="module")
def slow_calls(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """One slow request in each of twenty processes; their trace ids in the store."""
    folder = tmp_path_factory.mktemp("drilldown")
    runs = Runs(folder, {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint})
    try:
        with Sandbox(latency_s=LATENCY_S) as sandbox:
            for first in range(0, PROCESSES, AT_A_TIME):
                wave = [
                    runs.start(f"slow{n}", [f"Le colis {CANARY} numéro {n} a tardé."], ANTHROPIC_BASE_URL=sandbox.url)
                    for n in range(first, first + AT_A_TIME)
                ]
                assert [run.end() for run in wave] == [0] * AT_A_TIME, wave[0].output()
        with closing(sqlite3.connect(folder / "store.db")) as store:
            found = store.execute("SELECT trace_id FROM attempts WHERE duration_s > ?", (SLOW_S,)).fetchall()
        yield [trace_id for (trace_id,) in found]
    finally:
        runs.stop()


def test_each_slow_call_of_twenty_processes_has_its_exemplar(stack: Stack, slow_calls: list[str]) -> None:
    assert len(set(slow_calls)) == PROCESSES
    buckets = f'{catalogue.DURATION.prometheus_name}_bucket{{le="4.0"}}'

    def arrived() -> bool:
        return {exemplar["labels"]["trace_id"] for exemplar in stack.exemplars(buckets)} >= set(slow_calls)

    eventually(arrived, 30, "an exemplar of each slow call")
    values = [float(e["value"]) for e in stack.exemplars(buckets) if e["labels"]["trace_id"] in slow_calls]
    assert min(values) > SLOW_S


def test_each_trace_has_our_span_and_exactly_one_request_to_claude(stack: Stack, slow_calls: list[str]) -> None:
    assert len(slow_calls) == PROCESSES
    for trace_id in slow_calls:
        spans = stack.trace(trace_id, spans=2)
        [ours] = [span for span in spans if span.name == "analyse verbatim"]
        [claude] = [span for span in spans if span.kind == Span.SPAN_KIND_CLIENT]
        assert claude.name == "attempt" and claude.parent_span_id == ours.span_id
        asked = attributes(claude)
        assert asked["gen_ai.request.model"] == "sandbox"
        assert asked["gen_ai.usage.input_tokens"] and asked["gen_ai.usage.output_tokens"]
        assert float(str(attributes(ours)["verbatims.cost_usd"])) > 0
        assert not any(words in str(spans) for words in (CANARY, "colis"))
