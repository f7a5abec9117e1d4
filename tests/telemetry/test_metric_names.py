"""A real exporter gives the catalogue's metrics the names that dashboards and alerts use."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.telemetry import METRICS, TEN, Kind, Metric
from pipeline.telemetry.catalogue import RetryReason
from pipeline.telemetry.instruments import SCOPE, Instruments, meter_provider

TYPES = {Kind.COUNTER: "counter", Kind.UP_DOWN_COUNTER: "gauge", Kind.GAUGE: "gauge", Kind.HISTOGRAM: "histogram"}


def test_the_ten_metrics_are_those_of_the_contract() -> None:
    assert [(metric.prometheus_name, metric.unit, tuple(metric.attributes)) for metric in TEN] == [
        ("verbatims_analyzed_total", "{verbatim}", ("source", "sentiment")),
        ("verbatims_skipped_total", "{verbatim}", ("source", "reason")),
        ("verbatim_analysis_duration_seconds", "s", ("outcome",)),
        ("errors_json_total", "{error}", ("reason",)),
        ("claude_response_empty_total", "{response}", ()),
        ("current_verbatim_size", "{character}", ()),
        ("verbatims_by_length_bucket", "{verbatim}", ("length",)),
        ("new_topics_detected_total", "{topic}", ()),
        ("bq_insert_errors_total", "{error}", ("reason",)),
        ("claude_call_success_ratio", "1", ()),
    ]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_prometheus_gets_the_name_and_type_of_the_catalogue(metric: Metric) -> None:
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=registry)
    provider = meter_provider([reader], Resource({}), AlwaysOffExemplarFilter())
    instruments = Instruments(provider.get_meter(SCOPE))
    labels = {label: values[0] if values else "x" for label, values in metric.attributes.items()}
    instruments.write(metric, 1, None, **labels)
    text = generate_latest(registry).decode()
    provider.shutdown()
    assert f"# TYPE {metric.prometheus_name} {TYPES[metric.kind]}\n" in text


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("http_429", "rate_limited"),
        ("http_529", "overloaded"),
        ("http_500", "server_error"),
        ("http_408", "other"),
        ("timeout", "timeout"),
        ("connection", "connection"),
        ("bad_response", "other"),
    ],
)
def test_an_error_that_made_the_transport_ask_again_has_one_of_a_few_names(error: str, reason: str) -> None:
    assert RetryReason.of(error) == reason
