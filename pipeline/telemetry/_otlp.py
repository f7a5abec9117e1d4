"""Sending over OTLP/HTTP, watched: how much arrived, and no word of the SDK's own when it didn't.

Imported only where there is an address to send to: it costs 0.13 s.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

QUEUE_SPANS = 4096
"""Spans that wait at most, some 15 MB; further ones are dropped and counted. Two a call: 40 s at 50 calls a second."""

SPANS_EVERY_S = 5.0

_CONTENT = {"Content-Type": "application/x-protobuf"}
"""The exporters' own. Given no header at all they read OTEL_EXPORTER_OTLP_*_HEADERS and show what is malformed."""

_INSTRUMENTS: tuple[type, ...] = (
    Counter,
    UpDownCounter,
    Histogram,
    ObservableCounter,
    ObservableUpDownCounter,
    ObservableGauge,
)

_LOGGERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.sdk._shared_internal",
)
"""Where the SDK complains about exports and full queues, a line or two for each."""


class Delivery(logging.Filter):
    """Counts what was handed over and what arrived. As a log filter it swallows the SDK's lines about our exports,
    and only those: Airflow may export with the same classes in the same process."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._ours = threading.local()
        self._spans_missing = 0
        self._metrics_arrived = False
        self._why = "no answer"
        self._deadline = math.inf
        self._pid = os.getpid()
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide a record logged while one of our exports runs."""
        if not getattr(self._ours, "running", False):
            return True
        if str(record.msg).startswith("Queue full"):
            self._why = "there were more than could be sent"
        return False

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Around what the SDK may complain about, in the thread that does it."""
        self._ours.running = True
        try:
            yield
        finally:
            self._ours.running = False

    def close_by(self, deadline: float) -> None:
        """No export starts after this instant of the monotonic clock."""
        self._deadline = deadline

    def over(self) -> bool:
        """Whether nothing may be sent any more: the time is up, or this is a forked child, where the SDK revives its
        threads and would send the parent's counts once more under another instance."""
        return time.monotonic() >= self._deadline or os.getpid() != self._pid

    def count_spans(self, change: int) -> None:
        """One more has ended, or so many have arrived (negative)."""
        with self._lock:
            self._spans_missing += change

    def mark_metrics(self, arrived: bool) -> None:
        """The points are cumulative: all that matters is whether the last ones arrived."""
        self._metrics_arrived = arrived

    def blame(self, status: int | None) -> None:
        """An export has failed, with this HTTP status or without any."""
        self._why = f"HTTP {status}" if status else "no answer"

    def end(self) -> None:
        """Nothing is sent from here on, and the SDK's loggers may speak again."""
        self.close_by(time.monotonic())
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def losses(self, place: str) -> str | None:
        """What did not arrive and why, as half a sentence; None when all of it did."""
        spans = self._spans_missing
        lost = [f"{spans} span{'s' if spans > 1 else ''}"] if spans else []
        lost += [] if self._metrics_arrived else ["the last metrics"]
        return f"{' and '.join(lost)} did not reach {place} ({self._why})" if lost else None


class _Session(requests.Session):
    """Remembers how the last request was answered: the exporters themselves only say that they failed."""

    status: int | None = None

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.status = None
        response = super().request(*args, **kwargs)
        self.status = response.status_code
        return response


class _Spans(OTLPSpanExporter):
    def __init__(self, delivery: Delivery, **options: Any) -> None:
        self._session = _Session()
        super().__init__(**options, session=self._session, meter_provider=NoOpMeterProvider())
        self._delivery = delivery

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._delivery.over():
            return SpanExportResult.FAILURE
        with self._delivery.hushed():
            result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            self._delivery.count_spans(-len(spans))
        else:
            self._delivery.blame(self._session.status)
        return result


class _Metrics(OTLPMetricExporter):
    def __init__(self, delivery: Delivery, **options: Any) -> None:
        self._session = _Session()
        super().__init__(
            # said outright: OTEL_EXPORTER_OTLP_METRICS_* in the environment would change both, and every sum with them
            preferred_temporality=dict.fromkeys(_INSTRUMENTS, AggregationTemporality.CUMULATIVE),
            preferred_aggregation={Histogram: ExplicitBucketHistogramAggregation()},
            **options,
            session=self._session,
            meter_provider=NoOpMeterProvider(),
        )
        self._delivery = delivery

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        self._delivery.mark_metrics(False)
        if self._delivery.over():
            return MetricExportResult.FAILURE
        with self._delivery.hushed():
            result = super().export(metrics_data, timeout_millis, **kwargs)
        self._delivery.mark_metrics(result is MetricExportResult.SUCCESS)
        if result is not MetricExportResult.SUCCESS:
            self._delivery.blame(self._session.status)
        return result


class _Batches(BatchSpanProcessor):
    def __init__(self, delivery: Delivery, exporter: _Spans) -> None:
        super().__init__(
            exporter,
            max_queue_size=QUEUE_SPANS,
            schedule_delay_millis=SPANS_EVERY_S * 1000,
            max_export_batch_size=512,
            meter_provider=NoOpMeterProvider(),
        )
        self._delivery = delivery

    def on_end(self, span: ReadableSpan) -> None:
        self._delivery.count_spans(1)
        with self._delivery.hushed():
            super().on_end(span)


def span_processor(delivery: Delivery, base: str, headers: Mapping[str, str], timeout_s: float) -> BatchSpanProcessor:
    """Sends ended spans in batches; a full queue drops, and nothing waits."""
    exporter = _Spans(delivery, endpoint=f"{base}/v1/traces", headers=_CONTENT | dict(headers), timeout=timeout_s)
    return _Batches(delivery, exporter)


def metric_reader(
    delivery: Delivery, base: str, headers: Mapping[str, str], timeout_s: float, interval_s: float
) -> PeriodicExportingMetricReader:
    """Sends every series, cumulative, at each interval and once more at the end."""
    exporter = _Metrics(delivery, endpoint=f"{base}/v1/metrics", headers=_CONTENT | dict(headers), timeout=timeout_s)
    return PeriodicExportingMetricReader(exporter, export_interval_millis=interval_s * 1000)
