"""Counters are exact although the processes are short-lived, end by signal, and outlive a Collector that was killed."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from pipeline.sandbox import Sandbox
from pipeline.store import open_store

from .counts import COUNTERS, DURATION_COUNT, Counts, counted, every_series, held
from .proxy import repeating
from .runs import Run, Runs
from .server import eventually
from .stack import Stack

pytestmark = pytest.mark.stack

AT_ONCE = 20
IN_TURN = 50
FAULTS = "unreadable=0.1,empty=0.05,overloaded=0.05"
"""So that every counter has something to count."""


def texts(name: str, n: int) -> list[str]:
    """Of every kind: unique, long, with a theme outside the base, one that all files share, too short, repeated."""
    unique = [
        f"La livraison {number} du lot {name} est rapide. " + "Très content. " * (number % 9) for number in range(n)
    ]
    twice = f"Encore {name}, déçu"
    shared = "Super produit, merci beaucoup à toute l'équipe"
    return [*unique, f"Un emballage cadeau très soigné pour {name}", shared, "Bof", twice, twice]


def calls(url: str) -> int:
    return sum(n for (name, *_), n in held(url).items() if name == DURATION_COUNT)


@pytest.fixture(scope="module")
def ended(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Twenty at once, the Collector killed among them, then fifty in turn; all of them have ended."""
    folder = tmp_path_factory.mktemp("exact")
    with Sandbox(latency_s=1.0, faults=FAULTS) as slow, Sandbox(latency_s=0.1, faults=FAULTS, seed=8) as quick:
        runs = Runs(folder, {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint, "VERBATIMS_RETRIES": "0"})
        try:
            with repeating(stack.otlp_endpoint) as proxy:
                at_once(stack, runs, slow.url, proxy)
            in_turn(runs, quick.url)
            yield runs
        finally:
            runs.stop()


def at_once(stack: Stack, runs: Runs, claude: str, proxy: str) -> None:
    """Each makes a call after the other, a second each: long enough for all of them to be there together. Every export
    arrives twice, and the one before it once more."""
    together = {"ANTHROPIC_BASE_URL": claude, "VERBATIMS_CONCURRENCY": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": proxy}
    for number in range(AT_ONCE):
        runs.start(f"once{number}", texts(f"once{number}", 20), **together)
    eventually(lambda: all(reads(run, "clean") for run in runs.all), 180, "all twenty analyse")
    stack.collector.kill()
    time.sleep(2)  # exports fail meanwhile
    stack.collector.start()
    stack.collector.wait()
    assert all(run.alive() for run in runs.all), "a process of that moment did not live through it"
    for run in runs.all[::4]:
        run.interrupt()
    for run in runs.all:
        run.end()


def reads(run: Run, stage: str) -> bool:
    """Whether this process has this stage behind it, by its own words."""
    return any(line.startswith(stage) and "done" in line for line in run.said().splitlines())


def in_turn(runs: Runs, claude: str) -> None:
    """Each a few calls; each tenth is told to stop while it makes them, and of some a row is refused."""
    refuse_rows(runs)
    for number in range(IN_TURN):
        stops = number % 10 == 9
        before = calls(runs.store) if stops else 0
        name = f"turn{number}"
        run = runs.start(name, texts(name, 30 if stops else 3), ANTHROPIC_BASE_URL=claude, VERBATIMS_CONCURRENCY="2")
        if stops:
            eventually(lambda before=before: calls(runs.store) > before + 2, 30, "it makes calls", every_s=0.1)
            run.interrupt()
        run.end()


def refuse_rows(runs: Runs) -> None:
    """The warehouse, which is the store's own file, takes no first row of turn1, turn10 to turn19."""
    with closing(sqlite3.connect(runs.folder / "store.db")) as store:
        store.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON verbatims_analysed_v1 WHEN new.external_id LIKE 'turn1%-0' "
            "BEGIN SELECT raise(ABORT, 'not this one'); END"
        )


def test_the_processes_ended_as_they_should(ended: Runs) -> None:
    """Some were interrupted, some failed a record, and no last metrics were lost; spans were, of who met the kill."""
    assert Counter(run.end() for run in ended.all).keys() <= {0, 1, 130}
    assert sum(run.end() == 130 for run in ended.all) >= 5
    assert [run.said() for run in ended.all if "the last metrics" in run.said()] == []


def test_counters_over_all_processes_equal_the_growth_of_the_store(stack: Stack, ended: Runs) -> None:
    expected = held(ended.store)
    deadline = time.monotonic() + 30  # until the last export was scraped
    while counted(stack) != expected and time.monotonic() < deadline:
        time.sleep(1)
    assert counted(stack) == expected
    assert {name for name, *_ in expected} == {counter.prometheus_name for counter in COUNTERS} | {DURATION_COUNT}


def test_each_series_begins_with_the_0_of_its_start(stack: Stack, ended: Runs) -> None:
    began = [(name, series.labels, series.samples[0]) for name, _, series in every_series(stack)]
    assert [entry for entry in began if entry[2][1] != 0] == []
    assert len({labels["instance"] for _, labels, _ in began}) == AT_ONCE + IN_TURN


def test_the_exporters_totals_in_prometheus_equal_the_store(stack: Stack, ended: Runs) -> None:
    names = {counter.prometheus_name: tuple(counter.attributes) for counter in COUNTERS} | {
        DURATION_COUNT: ("outcome",)
    }

    def totals() -> Counts:
        return +Counter(
            {
                (name, *(series[label] for label in labels)): int(value)
                for name, labels in names.items()
                for series, value in stack.query(f"store_{name}")
            }
        )

    with stack.serving("exporter", STORE=ended.store):
        expected = held(ended.store)
        eventually(totals, 30, "Prometheus has scraped the exporter")
        assert totals() == expected


def test_gauges_equal_their_definition(stack: Stack, ended: Runs) -> None:
    """Of each process: the share of valid answers in its run, and the size of what it sent last."""
    with closing(sqlite3.connect(ended.folder / "store.db")) as store:
        ratios = store.execute("SELECT avg(outcome = 'analysed') FROM attempts GROUP BY run_id").fetchall()
        sizes = store.execute(
            "SELECT characters, max(sent_at) FROM attempts JOIN texts USING (text_id) GROUP BY attempts.run_id"
        ).fetchall()
    shown = [series.samples[-1][1] for series in stack.series("claude_call_success_ratio")]
    assert sorted(round(value, 6) for value in shown) == sorted(round(ratio, 6) for (ratio,) in ratios)
    shown = [series.samples[-1][1] for series in stack.series("current_verbatim_size")]
    assert sorted(shown) == sorted(size for size, _ in sizes)
    opened = open_store(ended.store)
    try:
        lengths = opened.totals.lengths()
    finally:
        opened.close()
    found: Counter[str] = Counter()
    for series in stack.series("verbatims_by_length_bucket"):
        found[series.labels["length"]] += round(series.samples[-1][1])
    assert +found == +Counter({str(length): n for length, n in lengths.items()})


def test_who_ends_while_the_collector_is_away_says_what_is_lost_and_ends_within_5_s(stack: Stack, ended: Runs) -> None:
    """And exactly that is lost: nothing of what was counted before, nothing of what the store has."""
    before, counted_before = held(ended.store), counted(stack)
    stack.collector.kill()
    try:
        run = ended.start("alone", texts("alone", 3), OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp_endpoint)
        eventually(lambda: "Run " in run.said(), 60, "the run has come to its summary", every_s=0.05)
        summary = time.monotonic()
        run.end()
        took_s = time.monotonic() - summary
    finally:
        stack.collector.start()
        stack.collector.wait()
    assert took_s < 5
    [warning] = [line for line in run.said().splitlines() if "telemetry:" in line]
    assert "the last metrics" in run.said() and "spans" in warning
    assert held(ended.store) > before and counted(stack) == counted_before
