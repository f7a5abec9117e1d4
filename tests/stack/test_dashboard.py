"""After a sandbox run, every query of the dashboards and rules returns data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml
from grafana.queries import asks_airflow, asks_model, exemplar_labels, queries, searches, span_queries

from pipeline.sandbox import Sandbox
from pipeline.telemetry import catalogue

from .runs import Runs
from .server import eventually, get
from .stack import Stack

pytestmark = pytest.mark.stack

BY_SCHEDULE = (
    catalogue.BATCH_NEXT_START,
    catalogue.BATCH_DEADLINE,
    catalogue.BATCH_SUCCEEDED,
    catalogue.BATCH_LAST_SUCCESS,
)
"""What the publish of a DAG with a schedule leaves."""
RULES = Path(__file__).parents[2] / "otel" / "prometheus" / "recording.yml"


@pytest.fixture(scope="module")
def seen(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack after three runs and one whose batch is under way, with exporter and forwarder."""
    folder = tmp_path_factory.mktemp("dashboard")
    runs = Runs(folder, {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint})
    faults = {"unreadable": 0.1, "empty": 0.1, "overloaded": 0.1}
    with (
        Sandbox(latency_s=0.2, faults=faults, batches=folder / "quick.db", batch_delay_s=0.5) as sandbox,
        Sandbox(batches=folder / "slow.db", batch_delay_s=600) as slow,
        stack.serving("forwarder", VERBATIMS_PUSHGATEWAY_URL=stack.url("pushgateway")),
        stack.serving("exporter", STORE=runs.store, VERBATIMS_BUDGET_USD_PER_DAY="5"),
    ):
        assert (
            runs.start("lot", ["La livraison du lot est rapide."], "batch", ANTHROPIC_BASE_URL=sandbox.url).end() == 0
        )
        waits = runs.start("lent", ["La livraison du lot est lente."], "batch", ANTHROPIC_BASE_URL=slow.url)
        eventually(lambda: "you may leave" in waits.output(), 60, "a batch is under way")
        waits.interrupt()
        assert waits.end() == 130
        for name in ("un", "deux"):
            texts = [f"La livraison {number} de {name} est rapide. " * 3 for number in range(40)]
            assert runs.start(name, texts, ANTHROPIC_BASE_URL=sandbox.url).end() in (0, 1)
        publish(stack)
        settled = 'batch_verbatims{task_id="load"} and on() store_verbatims_analyzed_total'
        eventually(lambda: stack.query(settled), 60, "Prometheus has scraped what the runs left")
        yield stack
    runs.stop()


def publish(stack: Stack) -> None:
    """Leave in the Pushgateway what the publish of a night does, since the command line has no schedule."""
    group = f"job/verbatims/dag_id/verbatims/task_id/publish/{catalogue.ENVIRONMENT_LABEL}/sandbox"
    names = [metric.prometheus_name for metric in BY_SCHEDULE]
    body = "".join(f"# TYPE {name} gauge\n{name} 1\n" for name in names)
    requests.put(f"{stack.url('pushgateway')}/metrics/{group}", data=body, timeout=10).raise_for_status()


def test_every_query_of_the_dashboard_returns_data(seen: Stack) -> None:
    for query in (query for query in queries() if not (asks_airflow(query) or asks_model(query))):
        # of alerts only Watchdog is sure to fire
        query = query.replace('severity!="none"', 'severity="none"')
        eventually(lambda query=query: seen.query(query), 60, f"data for {query}")


def test_every_search_for_an_outcome_finds_the_attempts_that_the_metric_counts(seen: Stack) -> None:
    """Also those after which another attempt ended well."""
    counted = f"sum by (outcome) ({catalogue.CALLS.prometheus_name}) > 0"
    outcomes = {labels["outcome"] for labels, _ in seen.query(counted)}
    assert {"analysed", "unreadable", "empty"} <= outcomes
    [search] = [each for each in searches() if "${outcome:pipe}" in each]
    for outcome in outcomes:
        traceql = search.replace("${outcome:pipe}", outcome).replace("${environment}", "sandbox")
        eventually(lambda traceql=traceql: found(seen, traceql), 60, f"traces for {traceql}")


def found(stack: Stack, traceql: str) -> list[dict[str, object]]:
    """The traces that Tempo finds."""
    traces: list[dict[str, object]] = get(f"{stack.url('tempo')}/api/search", params={"q": traceql}).json()["traces"]
    return traces


def test_every_recording_rule_has_recorded_something(seen: Stack) -> None:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        # this Prometheus is a minute old: offsets of six hours are replaced by ten seconds
        query = rule["expr"].replace("6h", "10s") if "6h" in rule["expr"] else rule["record"]
        eventually(lambda query=query: seen.query(query), 90, f"data for {rule['record']}")


def test_the_provisioned_labels_lead_from_exemplar_to_trace_and_back(seen: Stack) -> None:
    found = seen.exemplars("verbatim_analysis_duration_seconds_bucket")
    names = {name for exemplar in found for name in exemplar["labels"]}
    assert names & set(exemplar_labels())
    for query in span_queries({"service.name": "verbatims", catalogue.ENVIRONMENT: "sandbox"}):
        eventually(lambda query=query: seen.query(query), 60, f"data for {query}")
