"""Creates the OpenTelemetry instruments of the catalogue, and writes measurements to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import ExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

from pipeline.telemetry.catalogue import METRICS
from pipeline.telemetry.metric import Kind, Metric

SCOPE = "verbatims"
"""The instrumentation scope.

It has no version: the Collector makes it part of a series' identity even with `without_scope_info`, so two versions
would collide. `service.version` carries it.
"""

BATCH_SCOPE = "pipeline.batch"
"""The scope that the Collector forwards to the Pushgateway."""

_NO_SPAN = set_span_in_context(INVALID_SPAN, Context())
"""A context without a span: initial zeros and gauges must not create exemplars.

An empty context would not do: the SDK treats it as absent and uses the current one.
"""


def meter_provider(
    readers: Sequence[MetricReader], resource: Resource, exemplar_filter: ExemplarFilter, views: Sequence[View] = ()
) -> MeterProvider:
    """Create a private provider that the environment does not change: only the caller decides what is measured."""
    provider = MeterProvider(
        readers, resource=resource, exemplar_filter=exemplar_filter, views=views, shutdown_on_exit=False
    )
    # the caller honours OTEL_SDK_DISABLED and sends nothing; the SDK would also empty the summary and the exporter
    provider._disabled = False
    return provider


_ADDED = (Kind.COUNTER, Kind.UP_DOWN_COUNTER)


class _Sum(NamedTuple):
    value: float
    labels: dict[str, str]
    context: Context | None


class Instruments:
    """Writes measurements. Every counter starts at 0 for each known label value.

    Without the 0 a panel stays empty, and `increase()` misses the first count.
    """

    def __init__(self, meter: Meter, metrics: Sequence[Metric] = METRICS) -> None:
        self._writers = {metric: _writer(meter, metric) for metric in metrics}
        self._sources: set[str] = set()
        self._sums: dict[tuple[Metric, tuple[tuple[str, str], ...]], _Sum] | None = None
        self._write_zeros()

    def write(self, metric: Metric, value: float, /, context: Context | None = None, **labels: str) -> None:
        """Add to a counter, set a gauge or record in a histogram; `context` holds the span for the exemplar."""
        if self._sums is None or metric.kind not in _ADDED:
            self._writers[metric](value, labels, context)
            return
        series = metric, tuple(sorted(labels.items()))
        before = self._sums[series].value if series in self._sums else 0
        self._sums[series] = _Sum(before + value, labels, context)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Counts written inside are added once per series at the end, with the exemplar of the last one.

        The SDK takes 10 µs for an addition, and a verbatim makes twelve.
        """
        if self._sums is not None:
            yield  # inside another one, which adds at its end
            return
        self._sums = {}
        try:
            yield
        finally:
            sums, self._sums = self._sums, None
            for (metric, _), one in sums.items():
                self._writers[metric](one.value, one.labels, one.context)

    def start_source(self, source: str) -> None:
        """Start the counters of a source at 0 when it is first seen."""
        if source not in self._sources:
            self._sources.add(source)
            self._write_zeros(source=source)

    def _write_zeros(self, **seen: str) -> None:
        for metric in self._writers:
            # not gauges and histograms: a 0 there would be a false measurement
            if metric.kind in _ADDED and metric.open_labels == seen.keys():
                for labels in metric.known(**seen):
                    self.write(metric, 0, context=_NO_SPAN, **labels)


class _Gauge:
    """Keeps the last value of each series until the reader asks: the SDK's own gauge takes 20 µs, for each text.

    A meter takes one of each name: the SDK drops the readings of a second one.
    """

    def __init__(self) -> None:
        self._last: dict[frozenset[tuple[str, str]], Observation] = {}

    def set(self, value: float, labels: dict[str, str], _context: Context | None) -> None:
        self._last[frozenset(labels.items())] = Observation(value, labels, _NO_SPAN)

    def read(self, _options: CallbackOptions) -> list[Observation]:
        return list(self._last.values())


def _writer(meter: Meter, metric: Metric) -> Callable[..., Any]:
    identity = (metric.name, metric.unit, metric.description)
    match metric.kind:
        case Kind.COUNTER:
            return meter.create_counter(*identity).add
        case Kind.UP_DOWN_COUNTER:
            return meter.create_up_down_counter(*identity).add
        case Kind.GAUGE:
            gauge = _Gauge()
            meter.create_observable_gauge(metric.name, [gauge.read], metric.unit, metric.description)
            return gauge.set
        case Kind.HISTOGRAM:
            # the SDK's default bounds (0, 5, 10 …) suit milliseconds; ours are seconds
            return meter.create_histogram(*identity, explicit_bucket_boundaries_advisory=metric.bounds).record
