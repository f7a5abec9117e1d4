"""The forwarder from OTLP to the Pushgateway: whole families by group, 400 for unsupported data, 503 in an outage."""

import gzip
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from prometheus_client.parser import text_string_to_metric_families
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline import forwarder
from pipeline.errors import SettingsError

CUMULATIVE, DELTA = 2, 1
GROUP = {"dag_id": "cli", "task_id": "load"}


def attributes(labels: dict[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in labels.items()]


def gauge(name: str, value: float, unit: str = "", **labels: str) -> Metric:
    metric = Metric(name=name, unit=unit)
    metric.gauge.data_points.add(attributes=attributes(labels), as_double=value)
    return metric


def total(name: str, value: int, temporality: int, **labels: str) -> Metric:
    metric = Metric(name=name)
    metric.sum.aggregation_temporality = temporality  # type: ignore[assignment, unused-ignore]
    metric.sum.is_monotonic = True
    metric.sum.data_points.add(attributes=attributes(labels), as_int=value)
    return metric


def request(*metrics: Metric, job: str = "verbatims", **resource_attributes: str) -> bytes:
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add()
    resource.resource.attributes.extend(attributes(({"service.name": job} if job else {}) | resource_attributes))
    resource.scope_metrics.add().metrics.extend(metrics)
    return bytes(message.SerializeToString())


class Gateway:
    """A fake Pushgateway that records pushes and answers with `status`; stack tests use the real one."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("")
        self.status = 200
        self.pushed: list[tuple[str, str, dict[tuple[str, frozenset[tuple[str, str]]], float]]] = []
        server.expect_request(re.compile("/metrics/.*")).respond_with_handler(self._take)

    def _take(self, received: Request) -> Response:
        families = text_string_to_metric_families(received.data.decode())
        samples = {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}
        self.pushed.append((received.method, received.path, samples))
        return Response("says no" if self.status >= 400 else "", self.status)


@pytest.fixture
def gateway(httpserver: HTTPServer) -> Gateway:
    return Gateway(httpserver)


Send = Callable[..., tuple[int, str]]


@pytest.fixture
def send(gateway: Gateway) -> Iterator[Send]:
    """POST to a running forwarder; returns status and message."""
    stop, ready = threading.Event(), threading.Event()
    addresses: list[str] = []

    def listening(address: str) -> None:
        addresses.append(address)
        ready.set()

    def run() -> None:
        forwarder.serve(gateway.url, "127.0.0.1", 0, stop=stop, listening=listening)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)

    def post(body: bytes, **headers: Any) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(addresses[0], body, headers), timeout=20) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            return error.code, Status.FromString(error.read()).message

    yield post
    stop.set()
    thread.join(10)


def test_sandbox_and_prod_have_groups_of_their_own(send: Send, gateway: Gateway) -> None:
    for mode in ("sandbox", "prod"):
        body = request(gauge("batch_duration", 1.5, "s", **GROUP), **{"deployment.environment.name": mode})
        assert send(body) == (200, "")
    assert [path for _, path, _ in gateway.pushed] == [
        f"/metrics/job/verbatims/dag_id/cli/deployment_environment_name/{mode}/task_id/load"
        for mode in ("sandbox", "prod")
    ]


def test_it_counts_the_requests_of_the_collector_for_prometheus(gateway: Gateway) -> None:
    taken = forwarder.Forwarder(gateway.url)
    taken.take(request(gauge("batch_duration", 1.5, "s", **GROUP)))
    taken.take(b"\xff not protobuf")
    for status, count in {"200": 1, "400": 1, "503": 0}.items():
        assert taken.registry.get_sample_value("forwarder_requests_total", {"status": status}) == count


def test_whole_families_are_pushed_to_the_group_of_job_dag_and_task(send: Send, gateway: Gateway) -> None:
    body = request(
        gauge("batch_duration", 1.5, "s", **GROUP),
        gauge("batch_verbatims", 3, "{verbatim}", outcome="analysed", **GROUP),
        gauge("batch_verbatims", 0, "{verbatim}", outcome="failed", **GROUP),
        gauge("batch_errors", 2, dag_id="cli", task_id="clean"),
    )
    assert send(gzip.compress(body), **{"Content-Encoding": "gzip"}) == (200, "")
    (method, path, samples), (_, other, _) = gateway.pushed
    assert (method, path, other) == (
        "POST",
        "/metrics/job/verbatims/dag_id/cli/task_id/load",
        "/metrics/job/verbatims/dag_id/cli/task_id/clean",
    )
    assert samples == {
        ("batch_duration_seconds", frozenset()): 1.5,
        ("batch_verbatims", frozenset({("outcome", "analysed")})): 3,
        ("batch_verbatims", frozenset({("outcome", "failed")})): 0,
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff not protobuf", "protobuf"),
        (request(gauge("x", 1, dag_id="cli")), "no task_id"),
        (request(gauge("x", 1, **GROUP), job=""), "no job"),
        (request(total("x", 1, DELTA, **GROUP)), "delta"),
        (request(gauge("x", 1, job="other", **GROUP)), "job and instance"),
        (request(Metric(name="x")), "no data"),
    ],
)
def test_unsupported_requests_are_rejected_with_a_reason(
    send: Send, gateway: Gateway, body: bytes, reason: str
) -> None:
    status, said = send(body)
    assert status == 400 and reason in said
    assert gateway.pushed == []


def test_a_histogram_is_rejected_and_the_other_metrics_are_pushed(send: Send, gateway: Gateway) -> None:
    histogram = Metric(name="h")
    histogram.histogram.data_points.add(attributes=attributes(GROUP), count=1)
    status, said = send(request(histogram, total("good", 7, CUMULATIVE, **GROUP)))
    assert status == 400 and "h: a histogram" in said
    [(_, _, samples)] = gateway.pushed
    assert samples == {("good_total", frozenset()): 7}


@pytest.mark.parametrize(("gateways", "ours"), [(400, 400), (500, 503), (503, 503)])
def test_a_rejection_by_the_pushgateway_is_final_and_an_outage_is_retryable(
    send: Send, gateway: Gateway, gateways: int, ours: int
) -> None:
    gateway.status = gateways
    assert send(request(gauge("x", 1, **GROUP)))[0] == ours


def test_a_pushgateway_outage_makes_the_collector_retry(unused_address: str) -> None:
    """The reason goes into the Collector's log: it names the server without its path, which may be secret."""
    status, reason = forwarder.Forwarder(f"{unused_address}/hush").take(request(gauge("x", 1, **GROUP)))
    assert status == 503 and f"{unused_address} does not answer" in reason and "hush" not in reason


@pytest.fixture
def unused_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_late_request_does_not_replace_a_newer_one(send: Send, gateway: Gateway) -> None:
    old, new = gauge("x", 1, **GROUP), gauge("x", 2, **GROUP)
    old.gauge.data_points[0].time_unix_nano, new.gauge.data_points[0].time_unix_nano = 1, 2
    assert [send(request(metric))[0] for metric in (new, old)] == [200, 200]
    assert [list(samples.values()) for _, _, samples in gateway.pushed] == [[2]]


def test_a_body_that_unpacks_beyond_the_limit_is_rejected(send: Send) -> None:
    status, said = send(gzip.compress(b"0" * 10_000_000), **{"Content-Encoding": "gzip"})
    assert status == 400 and "more than" in said


def test_a_port_in_use_is_a_settings_error(httpserver: HTTPServer) -> None:
    with pytest.raises(SettingsError, match="--port"):
        forwarder.serve("http://127.0.0.1:1", "127.0.0.1", httpserver.port)
