"""Serves the ten metrics at `:8000/metrics`, as totals since the first run, read from the store at each scrape."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter, Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as PrometheusFamily
from prometheus_client.core import SummaryMetricFamily
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from pipeline.errors import SettingsError, VerbatimsError
from pipeline.store import StoreTotals
from pipeline.store_snapshot import SnapshotReader, StoreSnapshot, take_snapshot
from pipeline.telemetry import catalogue
from pipeline.telemetry.catalogue import ENVIRONMENT_LABEL, TEN
from pipeline.telemetry.instruments import SCOPE, meter_provider
from pipeline.telemetry.metric import Kind, Metric

_log = logging.getLogger(__name__)

SERVED = (*TEN, *catalogue.STORE_ONLY)
"""The ten metrics, and what the store knows beside them."""


class Exporter:
    """A WSGI application that answers `/metrics` with the store's totals.

    If the store can't be read, the response is an error without any sample, so that Prometheus sets `up == 0`, which
    has an alert; a partial response would look like vanished counters. The log gets one line when reads start to fail
    and one when they succeed again.
    """

    def __init__(
        self, totals: StoreTotals, environment: str = "", disk: Path = Path("."), budget_usd: float | None = None
    ) -> None:
        self._reader = SnapshotReader(partial(take_snapshot, totals, disk, budget_usd))
        self._snapshot = StoreSnapshot({}, {})
        # one response at a time: all instruments show the same snapshot
        self._response_lock = threading.Lock()
        self._failing = False
        inner, registry = CollectorRegistry(), CollectorRegistry()
        # the names are a contract: no target_info, no scope labels
        reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=inner)
        inner.register(_DurationCollector(lambda: self._snapshot.durations))
        registry.register(_Labelled(inner, environment, lambda: self._snapshot.starts))
        # no exemplars: the totals come from the store, not from the current span
        self._provider = meter_provider([reader], Resource({}), AlwaysOffExemplarFilter())
        for metric in SERVED:
            if metric is not catalogue.DURATION:
                _observe(self._provider.get_meter(SCOPE), metric, self._observations(metric))
        self._expose: WSGIApplication = make_wsgi_app(registry)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one request."""
        if environ.get("PATH_INFO") != "/metrics":
            return _plain(start_response, "404 Not Found", "The metrics are at /metrics.")
        try:
            snapshot = self._reader.read()
        except Exception as error:  # broad, since each database has its own errors; the server must go on
            self._log_failure(error)
            return _plain(start_response, "500 Internal Server Error", "The store cannot be read.")
        with self._response_lock:
            self._log_success()
            # the older text format has no place for starts: they would be gauges of their own
            starts = snapshot.starts if "openmetrics" in environ.get("HTTP_ACCEPT", "") else {}
            self._snapshot = replace(snapshot, starts=starts)
            return self._expose(environ, start_response)

    def _observations(self, metric: Metric) -> Callable[..., list[Observation]]:
        def observe(_options: object) -> list[Observation]:
            series = self._snapshot.series.get(metric, {})
            return [Observation(value, dict(zip(metric.attributes, key, strict=True))) for key, value in series.items()]

        return observe

    def _log_failure(self, error: Exception) -> None:
        if not self._failing:
            # other messages than ours may quote a value
            said = f"{type(error).__name__}: {error}" if isinstance(error, VerbatimsError) else type(error).__name__
            _log.error("exporter: the store cannot be read (%s)", said)
        self._failing = True

    def _log_success(self) -> None:
        if self._failing:
            self._failing = False
            _log.warning("exporter: the store can be read again")


class _Labelled(Collector):
    """Adds to every sample which environment it is of, and to new counters when they were 0."""

    def __init__(
        self,
        inner: CollectorRegistry,
        environment: str,
        starts: Callable[[], Mapping[Metric, Mapping[tuple[str, ...], float]]],
    ) -> None:
        self._inner = inner
        self._labels = {ENVIRONMENT_LABEL: environment} if environment else {}
        self._starts = starts

    def collect(self) -> Iterator[PrometheusFamily]:
        starts = {
            (metric.prometheus_name, frozenset(zip(metric.attributes, key, strict=True))): at
            for metric, values in self._starts().items()
            for key, at in values.items()
        }
        for family in self._inner.collect():
            samples, family.samples = family.samples, []
            for sample in samples:
                labels = {**sample.labels, **self._labels}
                family.samples.append(sample._replace(labels=labels))
                if at := starts.get((sample.name, frozenset(sample.labels.items()))):
                    family.samples.append(Sample(f"{family.name}_created", labels, at))
            yield family


class _DurationCollector(Collector):
    """Collects the durations: OpenTelemetry has no instrument for a count and a sum that are added up elsewhere."""

    def __init__(self, read: Callable[[], Mapping[str, tuple[int, float]]]) -> None:
        self._read = read

    def collect(self) -> Iterator[SummaryMetricFamily]:
        metric = catalogue.DURATION
        family = SummaryMetricFamily(
            metric.prometheus_name, metric.description, labels=tuple(metric.attributes), unit="seconds"
        )
        for outcome, (count, seconds) in self._read().items():
            family.add_metric([outcome], count, seconds)
        yield family


def _observe(meter: Meter, metric: Metric, callback: Callable[..., list[Observation]]) -> None:
    create: dict[Kind, Callable[..., Any]] = {
        Kind.COUNTER: meter.create_observable_counter,
        Kind.UP_DOWN_COUNTER: meter.create_observable_up_down_counter,
        Kind.GAUGE: meter.create_observable_gauge,
    }
    create[metric.kind](metric.name, [callback], metric.unit, metric.description)


def _plain(start_response: StartResponse, status: str, text: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: the base class would print a stack trace whenever a client disconnects."""


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Do nothing: the base class would log four scrapes a minute."""


def serve(
    totals: StoreTotals,
    host: str,
    port: int,
    *,
    environment: str = "",
    disk: Path = Path("."),
    budget_usd: float | None = None,
    stop: threading.Event | None = None,
    listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the totals until SIGINT, SIGTERM or `stop`; port 0 picks a free one.

    `environment` is sandbox or prod, `disk` a folder on the disk whose space is shown, `budget_usd` that of a UTC day.
    Calls `listening` with the address once it accepts requests. Raises SettingsError if the port is not available.
    """
    stop = stop or threading.Event()
    server = _listen(Exporter(totals, environment, disk, budget_usd), host, port)
    with server, _stop_on_signals(stop):
        # in a second thread: `shutdown` would block for ever in the thread that serves
        thread = threading.Thread(target=server.serve_forever, name="exporter", daemon=True)
        thread.start()
        try:
            listening(f"http://{host}:{server.server_port}/metrics")
            stop.wait()
        finally:
            server.shutdown()
            thread.join()


def _listen(exporter: Exporter, host: str, port: int) -> WSGIServer:
    server_class = _ServerV6 if ":" in host else _Server
    try:
        return make_server(host, port, exporter, server_class, _QuietHandler)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"port {port} of {host} cannot be had ({why}): choose another --port or --host") from error


@contextmanager
def _stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Set the event on SIGINT and SIGTERM."""
    # Python installs signal handlers in the main thread only; tests serve from others
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
