"""Counters are exact although processes are short-lived, are interrupted, and the Collector is killed."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from pipeline.sandbox import Sandbox
from pipeline.store import open_store

from .counts import COUNTERS, DURATION_COUNT, Counts, counter_increases, every_series, store_counts
from .proxy import repeating
from .runs import Run, Runs
from .server import eventually
from .stack import Stack

pytestmark = pytest.mark.stack

AT_ONCE = 20
IN_TURN = 50
FAULTS = "unreadable=0.1,empty=0.05,overloaded=0.05"
"""With these faults every counter is incremented."""


def texts(name: str, n: int) -> list[str]:
    """Texts of every kind: unique, long, with a new topic, shared by all files, too short, repeated."""
    unique = [
        f"La livraison {number} du lot {name} est rapide. " + "Très content. " * (number % 9) for number in range(n)
    ]
    twice = f"Encore {name}, déçu"
    shared = "Super produit, merci beaucoup à toute l'équipe"
    return [*unique, f"Un emballage cadeau très soigné pour {name}", shared, "Bof", twice, twice]


def calls(url: str) -> int:
    return sum(n for (name, *_), n in store_counts(url).items() if name == DURATION_COUNT)


@pytest.fixture(scope="module")
def ended(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Twenty concurrent runs with a Collector kill, then fifty consecutive runs; all have ended."""
    folder = tmp_path_factory.mktemp("exact")
    with Sandbox(latency_s=1.0, faults=FAULTS) as slow, Sandbox(latency_s=0.1, faults=FAULTS, seed=8) as quick:
        runs = Runs(folder, {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint, "VERBATIMS_RETRY_S": "0"})
        try:
            with repeating(stack.otlp_endpoint) as proxy:
                at_once(stack, runs, slow.url, proxy)
            in_turn(runs, quick.url)
            yield runs
        finally:
            runs.stop()


def at_once(stack: Stack, runs: Runs, claude: str, proxy: str) -> None:
    """Each run sends one request at a time, one second each, so that all runs overlap. Every export
    arrives twice, and the previous one again."""
    together = {"ANTHROPIC_BASE_URL": claude, "VERBATIMS_CONCURRENCY": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": proxy}
    for number in range(AT_ONCE):
        runs.start(f"once{number}", texts(f"once{number}", 20), **together)
    eventually(lambda: all(has_finished(run, "clean") for run in runs.all), 180, "all twenty analyse")
    stack.collector.kill()
    time.sleep(2)  # exports fail during this time
    stack.collector.start()
    stack.collector.wait()
    assert all(run.alive() for run in runs.all), "a process ended while the Collector was down"
    for run in runs.all[::4]:
        run.interrupt()
    for run in runs.all:
        run.end()


def has_finished(run: Run, stage: str) -> bool:
    """Whether this process has finished this stage, according to its log."""
    return any(line.startswith(stage) and "done" in line for line in run.output().splitlines())


def in_turn(runs: Runs, claude: str) -> None:
    """A few requests per run; every tenth run is interrupted, and some runs have a rejected row."""
    reject_rows(runs)
    for number in range(IN_TURN):
        stops = number % 10 == 9
        before = calls(runs.store) if stops else 0
        name = f"turn{number}"
        run = runs.start(name, texts(name, 30 if stops else 3), ANTHROPIC_BASE_URL=claude, VERBATIMS_CONCURRENCY="2")
        if stops:
            eventually(lambda before=before: calls(runs.store) > before + 2, 30, "it makes calls", every_s=0.1)
            run.interrupt()
        run.end()


def reject_rows(runs: Runs) -> None:
    """Make the warehouse reject the first row of turn1 and turn10 to turn19."""
    with closing(sqlite3.connect(runs.folder / "store-warehouse.db")) as rows:
        rows.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON verbatims_analysed_v2 WHEN new.external_id LIKE 'turn1%-0' "
            "BEGIN SELECT raise(ABORT, 'not this one'); END"
        )


def test_the_processes_ended_with_the_expected_exit_codes(ended: Runs) -> None:
    """Some were interrupted, some had a failed record; no final metrics were lost, only spans during the kill."""
    assert Counter(run.end() for run in ended.all).keys() <= {0, 1, 130}
    assert sum(run.end() == 130 for run in ended.all) >= 5
    assert [run.output() for run in ended.all if "the last metrics" in run.output()] == []


def test_counters_over_all_processes_equal_the_increase_in_the_store(stack: Stack, ended: Runs) -> None:
    expected = store_counts(ended.store)
    deadline = time.monotonic() + 30  # until the last export is scraped
    while counter_increases(stack) != expected and time.monotonic() < deadline:
        time.sleep(1)
    assert counter_increases(stack) == expected
    assert {name for name, *_ in expected} == {counter.prometheus_name for counter in COUNTERS} | {DURATION_COUNT}


def test_each_series_starts_with_a_zero_sample(stack: Stack, ended: Runs) -> None:
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
        expected = store_counts(ended.store)
        eventually(totals, 30, "Prometheus has scraped the exporter")
        assert totals() == expected


def test_gauges_equal_their_definition(stack: Stack, ended: Runs) -> None:
    """Of the process that reported last: the ratio of valid answers in its run, and the size of its latest text."""
    with closing(sqlite3.connect(ended.folder / "store.db")) as store:
        ratios = store.execute("SELECT avg(outcome = 'analysed') FROM attempts GROUP BY run_id").fetchall()
        sizes = store.execute(
            "SELECT characters, max(sent_at) FROM attempts JOIN texts USING (text_id) GROUP BY attempts.run_id"
        ).fetchall()
    [ratio] = stack.series("claude_call_success_ratio")
    assert round(ratio.samples[-1][1], 6) in {round(value, 6) for (value,) in ratios}
    [size] = stack.series("current_verbatim_size")
    assert size.samples[-1][1] in {value for value, _ in sizes}
    opened = open_store(ended.store)
    try:
        lengths = opened.totals.lengths()
    finally:
        opened.close()
    found: Counter[str] = Counter()
    for series in stack.series("verbatims_by_length_bucket"):
        found[series.labels["length"]] += round(series.samples[-1][1])
    assert +found == +Counter({str(length): n for length, n in lengths.items()})


def test_a_process_without_a_collector_reports_the_loss_and_ends_within_5_s(stack: Stack, ended: Runs) -> None:
    """Nothing else is lost: earlier counts and the store are complete."""
    before, increases_before = store_counts(ended.store), counter_increases(stack)
    stack.collector.kill()
    try:
        run = ended.start("alone", texts("alone", 3), OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp_endpoint)
        eventually(lambda: "Run " in run.output(), 60, "the run has come to its summary", every_s=0.05)
        summary = time.monotonic()
        run.end()
        took_s = time.monotonic() - summary
    finally:
        stack.collector.start()
        stack.collector.wait()
    assert took_s < 5
    [warning] = [line for line in run.output().splitlines() if "telemetry:" in line]
    assert "the last metrics" in run.output() and "spans" in warning
    assert store_counts(ended.store) > before and counter_increases(stack) == increases_before
