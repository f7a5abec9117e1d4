"""Export over OTLP/HTTP that counts what was lost and silences the SDK's own log lines about it.

Import only when an endpoint is set: the import takes 0.13 s.
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
"""Capacity of the queue, about 15 MB; spans beyond it are dropped and counted.

A call makes two spans, so the queue holds 40 s of work at 50 calls a second.
"""

SPANS_EVERY_S = 5.0
"""Interval between two exports of spans."""

_CONTENT = {"Content-Type": "application/x-protobuf"}
"""The header that the exporters set anyway.

Passing at least one header stops them from reading OTEL_EXPORTER_OTLP_*_HEADERS, of which they log malformed values.
"""

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
"""Loggers in which the SDK reports each failed export and each full queue."""


class Delivery(logging.Filter):
    """Counts what was sent and what arrived, and hides the SDK's log lines about our exports.

    It hides no other lines: Airflow may export with the same classes in the same process.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        # per thread: the export threads log what is hidden, while other threads may log for Airflow
        self._export = threading.local()
        self._spans_pending = 0
        self._metrics_arrived = False
        self._reason = "no answer"
        self._deadline = math.inf
        self._pid = os.getpid()
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide a record that is logged during one of our exports."""
        if not getattr(self._export, "running", False):
            return True
        # the SDK reports dropped spans in this log line only
        if str(record.msg).startswith("Queue full"):
            self._reason = "there were more than could be sent"
        return False

    @contextmanager
    def silence_sdk(self) -> Iterator[None]:
        """Hide the SDK's log lines of this thread while the context is open."""
        self._export.running = True
        try:
            yield
        finally:
            self._export.running = False

    def close_by(self, deadline: float) -> None:
        """Start no export after this instant of the monotonic clock."""
        self._deadline = deadline

    def is_closed(self) -> bool:
        """Whether nothing may be sent any more: the deadline has passed, or this process is a forked child."""
        # in a forked child the SDK restarts its threads and would send the parent's counts again as another instance
        return time.monotonic() >= self._deadline or os.getpid() != self._pid

    def count_spans(self, change: int) -> None:
        """Add an ended span, or subtract those that arrived."""
        with self._lock:
            self._spans_pending += change

    def mark_metrics(self, arrived: bool) -> None:
        """Record whether the latest export of metrics arrived."""
        # the points are cumulative: a later export makes up for a lost one
        self._metrics_arrived = arrived

    def record_failure(self, status: int | None) -> None:
        """Remember why an export failed: its HTTP status, or None without an answer."""
        self._reason = f"HTTP {status}" if status else "no answer"

    def end(self) -> None:
        """Send nothing more, and restore the SDK's loggers."""
        self.close_by(time.monotonic())
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def losses(self, place: str) -> str | None:
        """What did not arrive and why, as part of a sentence; None if everything arrived."""
        spans = self._spans_pending
        lost = [f"{spans} span{'s' if spans > 1 else ''}"] if spans else []
        lost += [] if self._metrics_arrived else ["the last metrics"]
        return f"{' and '.join(lost)} did not reach {place} ({self._reason})" if lost else None


class _StatusSession(requests.Session):
    """Keeps the status of the last response: the exporters only report that they failed."""

    status: int | None = None

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.status = None
        response = super().request(*args, **kwargs)
        self.status = response.status_code
        return response


class _SpanExporter(OTLPSpanExporter):
    def __init__(self, delivery: Delivery, **options: Any) -> None:
        self._session = _StatusSession()
        # no-op, or the SDK would record metrics about its exports in the global provider, which may be Airflow's
        super().__init__(**options, session=self._session, meter_provider=NoOpMeterProvider())
        self._delivery = delivery

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._delivery.is_closed():
            return SpanExportResult.FAILURE
        with self._delivery.silence_sdk():
            result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            self._delivery.count_spans(-len(spans))
        else:
            self._delivery.record_failure(self._session.status)
        return result


class _MetricExporter(OTLPMetricExporter):
    def __init__(self, delivery: Delivery, **options: Any) -> None:
        self._session = _StatusSession()
        super().__init__(
            # explicit, or OTEL_EXPORTER_OTLP_METRICS_* would change both: deltas lose counts of short processes
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
        # before the export: an interrupted one must not count as arrived
        self._delivery.mark_metrics(False)
        if self._delivery.is_closed():
            return MetricExportResult.FAILURE
        with self._delivery.silence_sdk():
            result = super().export(metrics_data, timeout_millis, **kwargs)
        self._delivery.mark_metrics(result is MetricExportResult.SUCCESS)
        if result is not MetricExportResult.SUCCESS:
            self._delivery.record_failure(self._session.status)
        return result


class _CountingSpanProcessor(BatchSpanProcessor):
    def __init__(self, delivery: Delivery, exporter: _SpanExporter) -> None:
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
        # a full queue is logged here, in the thread that ends the span
        with self._delivery.silence_sdk():
            super().on_end(span)


def span_processor(delivery: Delivery, base: str, headers: Mapping[str, str], timeout_s: float) -> BatchSpanProcessor:
    """Sends ended spans in batches; a full queue drops spans and never blocks."""
    exporter = _SpanExporter(
        delivery, endpoint=f"{base}/v1/traces", headers=_CONTENT | dict(headers), timeout=timeout_s
    )
    return _CountingSpanProcessor(delivery, exporter)


def metric_reader(
    delivery: Delivery, base: str, headers: Mapping[str, str], timeout_s: float, interval_s: float
) -> PeriodicExportingMetricReader:
    """Sends every series, cumulative, at each interval and once more at shutdown."""
    exporter = _MetricExporter(
        delivery, endpoint=f"{base}/v1/metrics", headers=_CONTENT | dict(headers), timeout=timeout_s
    )
    return PeriodicExportingMetricReader(exporter, export_interval_millis=interval_s * 1000)
