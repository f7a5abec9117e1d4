"""The Collector, the exporter and Prometheus show the ten metrics by their documented names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from otlp_receiver import Receiver

from pipeline.sandbox import Sandbox
from pipeline.telemetry import budgets, model
from pipeline.telemetry.catalogue import STORE_ONLY, TEN
from pipeline.telemetry.metric import Kind, Metric

from .runs import Runs
from .server import eventually, get
from .stack import Stack

pytestmark = pytest.mark.stack

TYPES = {Kind.COUNTER: "counter", Kind.UP_DOWN_COUNTER: "gauge", Kind.GAUGE: "gauge", Kind.HISTOGRAM: "histogram"}
TEXTS = ["La livraison est rapide et le produit superbe.", "Bof", "Très déçu, le colis est arrivé cassé. " * 5]


def types(exposition: str) -> dict[str, str]:
    """Family → type in an exposition; in OpenMetrics a counter's family has no `_total`."""
    lines = (line.split() for line in exposition.splitlines() if line.startswith("# TYPE "))
    return {f"{name}_total" if kind == "counter" else name: kind for _, _, name, kind in lines}


@pytest.fixture(scope="module")
def store(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The store of one run that exported to the stack."""
    runs = Runs(tmp_path_factory.mktemp("names"), {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint})
    with Sandbox(latency_s=0.05) as sandbox:
        run = runs.start("reviews", TEXTS, ANTHROPIC_BASE_URL=sandbox.url)
        assert run.end() == 0, run.output()
    assert "telemetry" not in run.output()
    yield runs.store
    runs.stop()


def test_the_collector_shows_the_ten_with_their_types(stack: Stack, store: str) -> None:
    shown = types(stack.live())
    assert {metric.prometheus_name: shown.get(metric.prometheus_name) for metric in TEN} == {
        metric.prometheus_name: TYPES[metric.kind] for metric in TEN
    }


def test_the_exporter_shows_the_same_names_and_prometheus_stores_them_separately(stack: Stack, store: str) -> None:
    with stack.serving("exporter", STORE=store, VERBATIMS_BUDGET_USD_PER_DAY="5"):
        text = get(f"{stack.url('exporter')}/metrics").text
        shown = {line.split()[2]: line.split()[3] for line in text.splitlines() if line.startswith("# TYPE ")}
        # no batch is open, and one night is not enough to judge the model
        served = {*TEN, *STORE_ONLY} - {budgets.BATCH_OLDEST} - {*model.MODEL} | {model.READY}
        assert shown == {m.prometheus_name: "summary" if m.kind is Kind.HISTOGRAM else TYPES[m.kind] for m in served}
        eventually(lambda: stack.query("store_claude_response_empty_total"), 30, "Prometheus has scraped the exporter")
    for metric in TEN:
        assert stack.query(stored(metric)), metric.prometheus_name
    names = {labels["__name__"] for labels, _ in stack.query('{job="store", __name__!~"up|scrape_.*|ALERTS.*"}')}
    assert names and all(name.startswith("store_") for name in names)


def stored(metric: Metric) -> str:
    """The names of the exporter's series in Prometheus; a summary has no series with its bare name."""
    return f"store_{metric.prometheus_name}{'_count' if metric.kind is Kind.HISTOGRAM else ''}"


def test_prometheus_stores_the_ten_by_their_bare_names_with_one_instance_per_process(stack: Stack, store: str) -> None:
    for metric in TEN:
        name = metric.prometheus_name + ("_count" if metric.kind is Kind.HISTOGRAM else "")
        found = eventually(lambda name=name: stack.query(name), 30, f"Prometheus has {name}")
        assert {labels["job"] for labels, _ in found} == {"verbatims"}
        assert len({labels["instance"] for labels, _ in found}) == 1


def test_the_units_are_on_the_otlp_payload(receiver: Receiver, tmp_path: Path) -> None:
    runs = Runs(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
    try:
        assert runs.start("reviews", TEXTS).end() == 0
    finally:
        runs.stop()
    scopes = [
        scope for request in receiver.metrics for about in request.resource_metrics for scope in about.scope_metrics
    ]
    units = {metric.name: metric.unit for scope in scopes for metric in scope.metrics}
    assert {metric.name: units.get(metric.name) for metric in TEN} == {metric.name: metric.unit for metric in TEN}
