"""Serves the ten metrics at `:8000/metrics`, as totals since the first run, read from the store at each scrape."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter, Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.core import SummaryMetricFamily
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.registry import Collector

from pipeline.errors import SettingsError, VerbatimsError
from pipeline.store import StoreTotals
from pipeline.telemetry import catalogue
from pipeline.telemetry.catalogue import TEN
from pipeline.telemetry.instruments import SCOPE, meter_provider
from pipeline.telemetry.metric import Kind, Metric
from pipeline.totals import read_totals

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """The store's totals at one moment."""

    series: Mapping[Metric, Mapping[tuple[str, ...], float]]
    """Metric → label values → value."""
    durations: Mapping[str, tuple[int, float]]
    """Outcome → number of attempts, and their seconds."""


def _take_snapshot(totals: StoreTotals) -> StoreSnapshot:
    found = read_totals(totals)
    sources = sorted({source for metric in (catalogue.ANALYZED, catalogue.SKIPPED) for source, _ in found[metric]})
    zeros = {labels["outcome"]: (0, 0.0) for labels in catalogue.DURATION.known()}
    return StoreSnapshot(
        {metric: _zeros(metric, sources) | dict(values) for metric, values in found.items()},
        zeros | dict(totals.durations()),
    )


def _zeros(metric: Metric, sources: Sequence[str]) -> dict[tuple[str, ...], float]:
    """0 for every known label value, as in the running processes."""
    # a gauge has no neutral value: 0 would be a false measurement
    if metric.kind is Kind.GAUGE:
        return {}
    known = [metric.known(source=source) for source in sources] if metric.open_labels else [metric.known()]
    return {tuple(labels.values()): 0 for combinations in known for labels in combinations}


class Exporter:
    """A WSGI application that answers `/metrics` with the store's totals.

    Each scrape reads the store once, before it writes anything. If that fails, the response is a 500 without any
    sample, so that Prometheus sets `up == 0`, which has an alert; a partial response would look like vanished counters.
    The log gets one line when reads start to fail and one when they succeed again.
    """

    def __init__(self, totals: StoreTotals) -> None:
        self._totals = totals
        self._snapshot = StoreSnapshot({}, {})
        # one scrape at a time: all instruments read the same snapshot
        self._scrape_lock = threading.Lock()
        self._failing = False
        registry = CollectorRegistry()
        # the names are a contract: no target_info, no scope labels
        reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=registry)
        registry.register(_DurationCollector(lambda: self._snapshot.durations))
        # no exemplars: the totals come from the store, not from the current span
        self._provider = meter_provider([reader], Resource({}), AlwaysOffExemplarFilter())
        for metric in TEN:
            if metric is not catalogue.DURATION:
                _observe(self._provider.get_meter(SCOPE), metric, self._observations(metric))
        self._expose: WSGIApplication = make_wsgi_app(registry)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one request."""
        if environ.get("PATH_INFO") != "/metrics":
            return _plain(start_response, "404 Not Found", "The metrics are at /metrics.")
        with self._scrape_lock:
            try:
                self._snapshot = _take_snapshot(self._totals)
            except Exception as error:  # broad, since each database has its own errors; the server must go on
                self._log_failure(error)
                return _plain(start_response, "500 Internal Server Error", "The store cannot be read.")
            if self._failing:
                self._failing = False
                _log.warning("exporter: the store can be read again")
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
    stop: threading.Event | None = None,
    listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the totals until SIGINT, SIGTERM or `stop`; port 0 picks a free one.

    Calls `listening` with the address once it accepts requests. Raises SettingsError if the port is not available.
    """
    stop = stop or threading.Event()
    server = _listen(Exporter(totals), host, port)
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
