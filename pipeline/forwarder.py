"""Receives OTLP/HTTP and pushes to the Pushgateway, for which the Collector's distributions have no exporter.

The Collector sends the scope `pipeline.batch` here. On 503 it keeps a request and repeats it, on 400 it drops it.
"""

from __future__ import annotations

import logging
import re
import signal
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from google.rpc import code_pb2
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric, NumberDataPoint
from prometheus_client import CollectorRegistry, Counter, generate_latest, pushadd_to_gateway
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline.errors import SettingsError
from pipeline.urls import origin

_log = logging.getLogger(__name__)

GROUPING = ("dag_id", "task_id")
"""With job and the environment, the labels that name a group.

Never an instance or a run: the Pushgateway keeps groups for ever.
"""

ENVIRONMENT = "deployment.environment.name"
"""The resource attribute that tells sandbox and prod apart; what has none is in a group without it."""

LARGEST_BYTES = 4_000_000
"""Largest request; the batch metrics of a night have some kilobytes."""

PUSH_TIMEOUT_S = 5.0
"""Timeout of one push."""


class RejectedMetric(Exception):
    """The Pushgateway will never accept this metric."""


class Unavailable(Exception):
    """The Pushgateway does not answer at the moment."""


Key = tuple[tuple[str, str], ...]
Family = CounterMetricFamily | GaugeMetricFamily


@dataclass(frozen=True)
class Group:
    """One group of the Pushgateway and its metric families."""

    key: Key
    families: dict[str, Family] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    """Times of its points, in nanoseconds since 1970."""


def groups(request: ExportMetricsServiceRequest) -> tuple[list[Group], list[str]]:
    """Sort the request's metrics into groups; also returns the reason for each rejected metric."""
    found: dict[Key, Group] = {}
    refused: list[str] = []
    for resource in request.resource_metrics:
        told = _labels(resource.resource.attributes)
        base = {"job": told.get("service.name", "")}
        if environment := told.get(ENVIRONMENT):
            base["deployment_environment_name"] = environment
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            try:
                _add_metric(found, base, metric)
            except RejectedMetric as reason:
                refused.append(str(reason))
    return list(found.values()), refused


def push(gateway: str, group: Group) -> None:
    """Push a group's families. Raises RejectedMetric or Unavailable."""
    # POST replaces whole families and keeps the group's others; PUT would delete the last success of a failed task
    registry = CollectorRegistry()
    registry.register(_Families(group.families.values()))
    labels = dict(group.key)
    try:
        pushadd_to_gateway(gateway, labels.pop("job"), registry, labels, timeout=PUSH_TIMEOUT_S)
    except HTTPError as error:
        # a proxy's error page may repeat the path, which may be a secret
        said = error.read(500).decode(errors="replace").strip().replace(urlsplit(gateway).path or "\0", "…")
        if 400 <= error.code < 500:
            raise RejectedMetric(f"the Pushgateway refuses group {dict(group.key)}: {said}") from error
        raise Unavailable(f"the Pushgateway answered {error.code}") from error
    except (URLError, OSError) as error:
        raise Unavailable(f"the Pushgateway at {origin(gateway)} does not answer") from error


class Forwarder:
    """Forwards requests to one Pushgateway, and discards older points than those already pushed."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._newest: dict[Key, int] = {}
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "forwarder_requests", "Requests of the Collector, by HTTP status.", ["status"], registry=self.registry
        )
        for status in ("200", "400", "503"):
            self._answers.labels(status)
        # the check for newer points and the push have to be one step
        self._lock = threading.Lock()

    def take(self, body: bytes) -> tuple[int, str]:
        """Forward one OTLP request; returns the HTTP status and, unless it is 200, the reason.

        A rejected metric does not prevent the others from being pushed.
        """
        status, reason = self._take(body)
        self._answers.labels(str(status)).inc()
        return status, reason

    def _take(self, body: bytes) -> tuple[int, str]:
        try:
            request = ExportMetricsServiceRequest.FromString(body)
        except DecodeError:
            return 400, "not an OTLP metrics request in protobuf"
        found, refused = groups(request)
        with self._lock:
            for group in found:
                try:
                    self._push_unless_older(group)
                except RejectedMetric as reason:
                    refused.append(str(reason))
                except Unavailable as reason:
                    return 503, str(reason)
        return (400, "; ".join(refused)) if refused else (200, "")

    def _push_unless_older(self, group: Group) -> None:
        # after a restart the Collector may send a queued request after a newer one
        newest = max(group.times)
        if newest >= self._newest.get(group.key, 0):
            push(self._gateway, group)
            self._newest[group.key] = newest


def serve(
    gateway: str,
    host: str,
    port: int,
    *,
    stop: threading.Event | None = None,
    listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Forward until SIGINT, SIGTERM or `stop`; port 0 picks a free one. Raises SettingsError if the port is taken."""
    stop = stop or threading.Event()
    try:
        server = ThreadingHTTPServer((host, port), _handler(Forwarder(gateway)))
    except OSError as error:
        raise SettingsError(f"--port: cannot listen on {host}:{port}: {error.strerror}") from None
    # Python installs signal handlers in the main thread only; tests serve from others
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    with server:
        thread = threading.Thread(target=server.serve_forever, name="forwarder", daemon=True)
        thread.start()
        listening(f"http://{host}:{server.server_port}/v1/metrics")
        stop.wait()
        server.shutdown()
        thread.join()


class _Families(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Family]:
        return self._families


def _add_metric(found: dict[Key, Group], base: Mapping[str, str], metric: Metric) -> None:
    kind = metric.WhichOneof("data") or "no data"
    if kind not in ("gauge", "sum"):
        raise RejectedMetric(f"{metric.name}: a {kind} has no place in the Pushgateway; only gauges and sums have")
    if (
        kind == "sum"
        and metric.sum.aggregation_temporality != AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    ):
        raise RejectedMetric(f"{metric.name}: a delta sum would replace a total; send it cumulative")
    for point in (metric.gauge if kind == "gauge" else metric.sum).data_points:
        labels = _labels(point.attributes)
        key = _key(base, labels, metric.name)
        group = found.setdefault(key, Group(key))
        group.times.append(point.time_unix_nano)
        _add_point(group, metric, {name: value for name, value in labels.items() if name not in GROUPING}, point)


def _key(base: Mapping[str, str], labels: dict[str, str], name: str) -> Key:
    key = {**base, **{label: labels.get(label, "") for label in GROUPING}}
    # the Pushgateway overwrites such a label without a word
    if "job" in labels or "instance" in labels:
        raise RejectedMetric(f"{name}: the labels job and instance belong to the group")
    missing = [label for label, value in key.items() if not value]
    if missing:
        raise RejectedMetric(f"{name}: no {' and no '.join(missing)} to name its group by")
    return tuple(key.items())


def _add_point(group: Group, metric: Metric, labels: dict[str, str], point: NumberDataPoint) -> None:
    name, names = _name(metric), sorted(labels)
    family = group.families.get(name)
    if family is None:
        # a sum that can decrease is a gauge to Prometheus
        counts = metric.WhichOneof("data") == "sum" and metric.sum.is_monotonic
        family_class = CounterMetricFamily if counts else GaugeMetricFamily
        family = group.families[name] = family_class(name, metric.description or name, labels=names)
    value = point.as_double if point.WhichOneof("value") == "as_double" else float(point.as_int)
    family.add_metric([labels[label] for label in names], value)


def _name(metric: Metric) -> str:
    """The name that the Collector's exporter would give: `s` becomes `_seconds`, a unit in braces adds nothing."""
    name = re.sub(r"[^a-zA-Z0-9_:]", "_", metric.name)
    if metric.unit == "s" and not name.endswith("_seconds"):
        name += "_seconds"
    return name


def _labels(attributes: Iterable[KeyValue]) -> dict[str, str]:
    return {attribute.key: _text(attribute) for attribute in attributes}


def _text(attribute: KeyValue) -> str:
    kind = attribute.value.WhichOneof("value")
    return str(getattr(attribute.value, kind)) if kind else ""


def _handler(forwarder: Forwarder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, reason = self._take() if self.path == "/v1/metrics" else (404, "only /v1/metrics is here")
            if reason:
                _log.warning("%s: %s", status, reason)
            self._answer(status, reason)

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._send(200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(forwarder.registry))
            else:
                self._answer(*((200, "") if self.path == "/health" else (404, "only /health and /metrics are here")))

        def _take(self) -> tuple[int, str]:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > LARGEST_BYTES:
                return 413, f"a request needs a length of at most {LARGEST_BYTES} bytes"
            try:
                body = _decompress(self.rfile.read(int(length)), self.headers.get("Content-Encoding", ""))
            except (OSError, zlib.error, EOFError, ValueError) as error:
                return 400, f"the body cannot be unpacked: {error}"
            return forwarder.take(body)

        def _answer(self, status: int, reason: str) -> None:
            # OTLP/HTTP: an error's body is a google.rpc.Status, whose message the Collector writes to its log
            code = code_pb2.UNAVAILABLE if status == 503 else code_pb2.INVALID_ARGUMENT
            answer = Status(code=code, message=reason) if reason else ExportMetricsServiceResponse()
            self._send(status, "application/x-protobuf", answer.SerializeToString())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 503:
                self.send_header("Retry-After", "5")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


def _decompress(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise ValueError(f"encoding {encoding} is not known; gzip and none are")
    # the limit stops a small body that would unpack to gigabytes; wbits 31 is gzip
    unpacked = zlib.decompressobj(wbits=31).decompress(body, LARGEST_BYTES + 1)
    if len(unpacked) > LARGEST_BYTES:
        raise ValueError(f"more than {LARGEST_BYTES} bytes")
    return unpacked
