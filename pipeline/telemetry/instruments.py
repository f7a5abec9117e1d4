"""The catalogue's metrics as instruments that can be written to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import ExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

from pipeline.telemetry.catalogue import METRICS, Kind, Metric

SCOPE = "verbatims"
"""The instrumentation scope. It has no version: the Collector makes it part of a series' identity even where it hides
it, and `service.version` says it already."""

BATCH_SCOPE = "pipeline.batch"
"""The scope that the Collector forwards to the Pushgateway."""

_NOWHERE = set_span_in_context(INVALID_SPAN, Context())
"""No span: initial zeros must not create exemplars. (The SDK takes an empty context for none, and uses the current.)"""


def meter_provider(
    readers: Sequence[MetricReader], resource: Resource, exemplar_filter: ExemplarFilter, views: Sequence[View] = ()
) -> MeterProvider:
    """A private provider that the environment does not change: the caller alone decides what is measured."""
    provider = MeterProvider(
        readers, resource=resource, exemplar_filter=exemplar_filter, views=views, shutdown_on_exit=False
    )
    # OTEL_SDK_DISABLED forbids sending, which the caller honours; it would also empty a run's summary and the exporter
    provider._disabled = False
    return provider


class Instruments:
    """Writes measurements. Every counter starts at 0 for each known label value, so that no panel is ever empty."""

    def __init__(self, meter: Meter, metrics: Sequence[Metric] = METRICS) -> None:
        self._writers = {metric: _writer(meter, metric) for metric in metrics}
        self._begun: set[str] = set()
        self._zeros()

    def write(self, metric: Metric, value: float, /, context: Context | None = None, **labels: str) -> None:
        """Add to a counter, set a gauge, record in a histogram; `context` holds the span for the exemplar."""
        self._writers[metric](value, labels, context)

    def begin(self, source: str) -> None:
        """Start the counters of a source at 0 when it is first met."""
        if source not in self._begun:
            self._begun.add(source)
            self._zeros(source=source)

    def _zeros(self, **seen: str) -> None:
        for metric in self._writers:
            if metric.kind in (Kind.COUNTER, Kind.UP_DOWN_COUNTER) and metric.open_labels == seen.keys():
                for labels in metric.known(**seen):
                    self.write(metric, 0, context=_NOWHERE, **labels)


def _writer(meter: Meter, metric: Metric) -> Callable[..., Any]:
    about = (metric.name, metric.unit, metric.description)
    match metric.kind:
        case Kind.COUNTER:
            return meter.create_counter(*about).add
        case Kind.UP_DOWN_COUNTER:
            return meter.create_up_down_counter(*about).add
        case Kind.GAUGE:
            return meter.create_gauge(*about).set
        case Kind.HISTOGRAM:
            return meter.create_histogram(*about, explicit_bucket_boundaries_advisory=metric.bounds).record
