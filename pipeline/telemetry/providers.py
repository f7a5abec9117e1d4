"""Set-up and shutdown of one process's telemetry.

Nothing happens at import, and no global provider is set: Airflow forks its tasks and may have its own providers.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

from opentelemetry.metrics import MeterProvider as AnyMeterProvider
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.trace import NoOpTracerProvider
from opentelemetry.trace import TracerProvider as AnyTracerProvider

from pipeline import __version__
from pipeline.errors import SettingsError
from pipeline.records import COMMAND_LINE, Task
from pipeline.telemetry.catalogue import ENVIRONMENT
from pipeline.telemetry.instruments import meter_provider
from pipeline.telemetry.observer import TelemetryObserver
from pipeline.telemetry.reservoir import keeping_view

if TYPE_CHECKING:
    from anthropic import OpenTelemetryOptions

    from pipeline.telemetry._otlp import Delivery

_log = logging.getLogger(__name__)

ENDPOINT_SETTING = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The setting that error messages name when telemetry does not arrive."""

SHUTDOWN_S = 4.0
"""How long shutdown may take: a running export and the last one, with a timeout of 2 s each."""


class Telemetry:
    """Spans, metrics and their export for one process. Use as a context manager, or call `shutdown` at the end."""

    def __init__(
        self,
        tracer_provider: AnyTracerProvider,
        meter_provider: AnyMeterProvider,
        *,
        delivery: Delivery | None,
        place: str,
        traces_requests: bool,
        report: Callable[[str], None],
        task: Task,
        now_ns: Callable[[], int],
    ) -> None:
        self.tracer_provider = tracer_provider
        self.meter_provider = meter_provider
        self.observer = TelemetryObserver(tracer_provider, meter_provider, task=task, now_ns=now_ns)
        self._delivery = delivery
        self._place = place
        self._traces_requests = traces_requests
        self._report = report
        self._ended = False

    def anthropic_option(self) -> OpenTelemetryOptions | Literal[False]:
        """The value of `AsyncAnthropic(open_telemetry=…)`."""
        # every field is set: for a missing one the SDK reads the environment, which can turn contents on
        if not isinstance(self.tracer_provider, TracerProvider):
            return False
        return {
            "tracer_provider": self.tracer_provider,
            # no `traceparent` header leaves for Claude's API
            "propagation": False,
            "traces": {"enabled": True, "content_mode": "metadata_only"},
        }

    def shutdown(self) -> None:
        """Send what is left within 4 s, and report in one line what could not be sent. Never raises."""
        if self._ended:
            return
        self._ended = True
        if self._traces_requests:
            from pipeline.telemetry import _requests

            _requests.uninstrument()
        if self._delivery:
            self._delivery.close_by(time.monotonic() + SHUTDOWN_S)
            # until the last export: the SDK skips it where a clock jumps while gauges are read
            self._delivery.mark_metrics(False)
        # the SDK would wait 30 s for each provider; daemon threads do not keep the process alive
        closing = threading.Thread(target=self._close, daemon=True)
        closing.start()
        closing.join(SHUTDOWN_S)
        if self._delivery and (losses := self._delivery.losses(self._place)):
            self._report(losses)

    def _close(self) -> None:
        # shutdown exports once by itself: a force_flush before it would export twice
        kept = (MeterProvider, TracerProvider)
        providers = [one for one in (self.meter_provider, self.tracer_provider) if isinstance(one, kept)]
        threads = [threading.Thread(target=one.shutdown, daemon=True) for one in providers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._delivery:
            self._delivery.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


def start(
    *,
    endpoint: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 2.0,
    export_interval_s: float = 10.0,
    service_name: str = "verbatims",
    environment: str = "",
    resource_attributes: Mapping[str, str] | None = None,
    disabled: bool = False,
    task: Task = COMMAND_LINE,
    warn: Callable[[str], None] = _log.warning,
    id_generator: IdGenerator | None = None,
    span_processors: Sequence[SpanProcessor] = (),
    metric_readers: Sequence[MetricReader] = (),
    now_ns: Callable[[], int] = time.time_ns,
) -> Telemetry:
    """Start this process's telemetry. Without an endpoint nothing is kept or sent, and no thread starts.

    `endpoint` is the base address of an OTLP/HTTP receiver; `/v1/traces` and `/v1/metrics` are appended.
    `environment` tells sandbox and prod apart. `resource_attributes` add to those that identify the process and don't
    replace them; `task` is the Airflow task that the process runs. The last four parameters are for tests.

    Raises SettingsError if the endpoint is not an HTTP address.
    """
    base = None if disabled or not endpoint else _base(endpoint)
    processors = [] if disabled else list(span_processors)
    readers = list(metric_readers)
    delivery = None
    if base:
        from pipeline.telemetry import _otlp

        delivery = _otlp.Delivery()
        processors.append(_otlp.span_processor(delivery, base, headers or {}, timeout_s))
        readers.append(_otlp.metric_reader(delivery, base, headers or {}, timeout_s, export_interval_s))
    resource = _resource(service_name, environment, resource_attributes or {})
    tracers = _tracer_provider(resource, processors, id_generator) if processors else NoOpTracerProvider()
    return Telemetry(
        tracers,
        meter_provider(readers, resource, TraceBasedExemplarFilter(), [keeping_view()])
        if readers
        else NoOpMeterProvider(),
        delivery=delivery,
        # without user and password
        place=urlsplit(base or "").netloc.rpartition("@")[2],
        traces_requests=_trace_requests(tracers) if processors else False,
        report=lambda losses: warn(f"telemetry: {losses}; see that a Collector runs there, or fix {ENDPOINT_SETTING}"),
        task=task,
        now_ns=now_ns,
    )


def _base(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{ENDPOINT_SETTING} is not an HTTP address; one looks like http://127.0.0.1:4318")
    return endpoint.rstrip("/")


def _resource(service_name: str, environment: str, attributes: Mapping[str, str]) -> Resource:
    """Build the resource from parameters only: `settings.py` alone reads the environment."""
    ours = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": sdk_version,
        "service.name": service_name,
        "service.version": __version__,
        # always unique: two processes that write the same cumulative series lose counts (10 of 60 arrived)
        "service.instance.id": str(uuid.uuid4()),
    }
    if environment:
        ours[ENVIRONMENT] = environment
    # the Collector would make the job `namespace/name`, which no panel or alert selects
    return _Resource({name: value for name, value in attributes.items() if name != "service.namespace"} | ours)


class _Resource(Resource):
    """The SDK's, hashed once: the exporter hashes it for each span, as JSON, a tenth of an export."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        super().__init__(attributes)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash


def _tracer_provider(
    resource: Resource, processors: Sequence[SpanProcessor], id_generator: IdGenerator | None
) -> TracerProvider:
    # always on: the default sampler follows the parent, and Airflow runs tasks inside an unsampled span
    provider = TracerProvider(
        ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=id_generator, meter_provider=NoOpMeterProvider()
    )
    for processor in processors:
        provider.add_span_processor(processor)
    # the caller has honoured OTEL_SDK_DISABLED: see `disabled`
    provider._disabled = False
    return provider


def _trace_requests(tracer_provider: AnyTracerProvider) -> bool:
    from pipeline.telemetry import _requests

    return _requests.instrument(tracer_provider)
