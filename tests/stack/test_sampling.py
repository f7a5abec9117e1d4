"""With otel/collector-sampling.yaml Tempo keeps every slow and every failed call, and a share of the others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.sandbox import Sandbox

from .runs import Runs
from .server import eventually, get
from .stack import Stack, attributes
from .test_tempo_outage import counted

pytestmark = pytest.mark.stack

KEPT_PERCENT, SLOW_S = 20, 1.0
QUICK, SLOW = 300, 15
LATENCIES_S = {"quick": 0.05, "slow": 1.5}
"""The sandbox varies them by a fifth."""
FAULTS = {"unreadable": 0.05, "refused": 0.05, "error": 0.05}


@dataclass(frozen=True)
class Night:
    """The trace ids of a run, by what became of their calls."""

    failed: frozenset[str]
    refused: frozenset[str]
    slow: frozenset[str]
    others: frozenset[str]


@pytest.fixture(scope="module")
def stack(binaries: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers, the Collector with both of its files."""
    sampling = {"KEPT_PERCENT": str(KEPT_PERCENT), "SLOW_CALL": f"{SLOW_S:.0f}s"}
    stack = Stack(binaries, tmp_path_factory.mktemp("stack"), sampling=sampling)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def night(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """Quick calls of which some fail, and slow ones; the Collector has decided about every trace."""
    folder = tmp_path_factory.mktemp("sampling")
    runs = Runs(folder, {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint})
    try:
        for name, number in (("quick", QUICK), ("slow", SLOW)):
            with Sandbox(latency_s=LATENCIES_S[name], faults=FAULTS if name == "quick" else {}) as sandbox:
                texts = [f"Le colis {name} numéro {n} a tardé." for n in range(number)]
                run = runs.start(name, texts, ANTHROPIC_BASE_URL=sandbox.url)
                assert run.end() in (0, 1), run.output()  # 1: some verbatims failed for good
        eventually(lambda: decided(stack) >= QUICK + SLOW, 60, "each trace is decided about")
        yield night_of(folder / "store.db")
    finally:
        runs.stop()


def decided(stack: Stack) -> int:
    return counted(stack, "collector_own", "otelcol_processor_tail_sampling_global_count_traces_sampled")


def night_of(store: Path) -> Night:
    with closing(sqlite3.connect(store)) as connection:
        rows = connection.execute("SELECT trace_id, outcome, duration_s, retried FROM attempts").fetchall()
    every, slow = {row[0] for row in rows}, {row[0] for row in rows if row[2] > SLOW_S}
    refused = {row[0] for row in rows if row[1] == "refused"}
    failed = {row[0] for row in rows if row[1] not in ("analysed", "refused") or row[3]}
    return Night(*map(frozenset, (failed, refused, slow, every - failed - refused - slow)))


def kept(stack: Stack, trace_ids: frozenset[str]) -> int:
    """How many of them Tempo has."""
    stack.tempo.wait()
    return sum(get(f"{stack.url('tempo')}/api/traces/{each}").status_code == 200 for each in trace_ids)


@pytest.mark.parametrize("kind", ["failed", "refused", "slow"])
def test_the_trace_of_each_such_call_arrives(stack: Stack, night: Night, kind: str) -> None:
    ids: frozenset[str] = getattr(night, kind)
    assert len(ids) >= 5
    eventually(lambda: kept(stack, ids) == len(ids), 30, f"Tempo has the {len(ids)} traces that were {kind}", every_s=2)


def test_a_kept_trace_is_whole(stack: Stack, night: Night) -> None:
    for trace_id in night.failed | night.slow:
        spans = stack.trace(trace_id, spans=2)
        [whole] = [span for span in spans if span.name == "analyse verbatim"]
        assert attributes(whole)["verbatims.attempts"] == sum(span.name == "attempt" for span in spans)


def test_of_the_other_calls_about_the_share_arrives(stack: Stack, night: Night) -> None:
    expected = len(night.others) * KEPT_PERCENT / 100
    eventually(lambda: kept(stack, night.others) > expected / 2, 30, "Tempo has some of the others", every_s=2)
    # half and twice of it are five standard deviations away
    assert expected / 2 < kept(stack, night.others) < expected * 2


def test_the_stages_of_every_run_arrive(stack: Stack, night: Night) -> None:
    searched = get(f"{stack.url('tempo')}/api/search", params={"q": '{ name = "stage analyse" }', "limit": "20"})
    assert len(searched.json()["traces"]) == 2
