"""What Prometheus shows hours after a night: processes that have ended, new sources, sandbox and prod apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.sandbox import Sandbox

from .runs import Runs
from .server import eventually
from .stack import Stack

pytestmark = pytest.mark.stack

TEXTS = [f"La livraison numéro {number} était rapide." for number in range(30)]
MORE = [f"{text} Encore une fois." for text in TEXTS]
ENVIRONMENT = "deployment_environment_name"


def test_counters_of_ended_processes_stay_and_a_gauge_is_that_of_the_latest_run(
    stack: Stack, runs: Callable[..., Runs]
) -> None:
    made = runs()
    with Sandbox(latency_s=0) as sandbox:
        assert made.start("first", TEXTS, ANTHROPIC_BASE_URL=sandbox.url).end() == 0
        eventually(lambda: stack.value("sum(verbatims_analyzed_total)") == 30, 30, "the first run is seen")
        assert stack.value("claude_call_success_ratio") == 1
    with Sandbox(latency_s=0, faults={"refused": 1.0}) as sandbox:
        # five that fail before any success would stop the run
        assert made.start("second", MORE[:4], ANTHROPIC_BASE_URL=sandbox.url).end() == 1
    eventually(lambda: stack.value('sum(claude_calls_total{outcome="refused"})') == 4, 30, "the second run is seen")
    assert stack.value("sum(verbatims_analyzed_total)") == 30
    assert [value for _, value in stack.query("claude_call_success_ratio")] == [0]
    assert len({labels["instance"] for labels, _ in stack.query("claude_calls_total")}) == 2


def test_live_metrics_the_store_and_the_groups_say_that_they_are_of_the_sandbox(
    stack: Stack, runs: Callable[..., Runs]
) -> None:
    made = runs()
    with Sandbox(latency_s=0) as sandbox, stack.serving("forwarder"):
        assert made.start("reviews", TEXTS, ANTHROPIC_BASE_URL=sandbox.url).end() == 0
        eventually(stack.groups, 60, "the batch metrics are pushed")
    with stack.serving("exporter", STORE=made.store):
        eventually(lambda: stack.query("store_verbatims_analyzed_total"), 30, "the store is scraped")
    for name in ("verbatims_analyzed_total", "claude_call_success_ratio", "store_claude_cost_usd_total"):
        assert {labels[ENVIRONMENT] for labels, _ in stack.query(name)} == {"sandbox"}, name
    assert {group["labels"][ENVIRONMENT] for group in stack.groups()} == {"sandbox"}


def test_a_new_source_counts_from_0_also_as_the_store_shows_it(stack: Stack, runs: Callable[..., Runs]) -> None:
    made = runs()
    with Sandbox(latency_s=0) as sandbox:
        assert made.start("old", TEXTS, ANTHROPIC_BASE_URL=sandbox.url).end() == 0
        with stack.serving("exporter", STORE=made.store):
            eventually(lambda: stack.query('store_verbatims_analyzed_total{source="old"}'), 30, "the store is scraped")
            assert made.start("new", MORE, ANTHROPIC_BASE_URL=sandbox.url).end() == 0
            total = 'store_verbatims_analyzed_total{source="new"}'
            eventually(lambda: stack.value(f"sum({total})") == 30, 30, "the new source is scraped")
    assert sum(series.growth for series in stack.series(total)) == 30
