"""Two thousand verbatims, every fault of Claude's API at some per cent, two workers at once and two kills: what was
billed, what is stored and what the budget says add up. `SEEDS=20 make chaos` takes twenty seeds, one unless set.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres import Server

from pipeline.store import Store, open_store
from pipeline.store.tables import analyses, attempts, texts

from .calls import (
    BAD_ANSWERS,
    ENOUGH_USD,
    IN_FLIGHT,
    TEXTS,
    WORKERS,
    Place,
    billed_usd,
    drawn_faults,
    store_url,
    stored,
)

pytestmark = pytest.mark.chaos

KILL_AT = (500, 700)
"""Stored answers at which a worker is killed."""

TRIES = ("rate_limited", "ramp_limit", "overloaded", "error", "gateway", "broken", "not_json", "paid_timeout")
FINAL = ("invalid", "too_large")
SCARCE_USD = 0.05
"""A budget of one day that ends in the middle."""


@pytest.fixture
def place(tmp_path: Path, seed: int, server: Server) -> Iterator[Place]:
    """Seeds take turns in stores and in budgets."""
    store = store_url(tmp_path, server if seed // 2 % 2 else None, f"calls_{seed}")
    faults = drawn_faults(seed, (*BAD_ANSWERS, *TRIES, *FINAL))
    made = Place(tmp_path, store, seed, faults, SCARCE_USD if seed % 2 else ENOUGH_USD)
    made.sandbox.start()
    yield made
    made.sandbox.stop()


def test_whatever_claude_does_and_whoever_is_killed_everything_adds_up(place: Place) -> None:
    run_id = place.cleaned_run()
    store = open_store(place.store)
    try:
        killed = work(place, store, run_id)
        assert (usd := billed_usd(place)) <= place.budget_usd + 1e-9, f"${usd} were billed of ${place.budget_usd}"
        # passing errors may leave some pending where the budget was enough
        assert store.runs.count(run_id).pending > 0 or place.budget_usd == ENOUGH_USD
        for _ in range(12):
            if not store.runs.count(run_id).pending:
                break
            for process in [place.start("analyse", "--run", run_id) for _ in range(WORKERS)]:
                process.communicate(timeout=300)
        check(place, store, run_id, killed)
    finally:
        store.close()


def work(place: Place, store: Store, run_id: str) -> int:
    """Two workers under the budget, one killed at each mark and replaced; returns how many were killed."""
    command, killed = ("analyse", "--run", run_id), 0
    workers = [place.start(*command, budget_usd=place.budget_usd) for _ in range(WORKERS)]
    deadline = time.monotonic() + 300
    while any(worker.poll() is None for worker in workers):
        assert time.monotonic() < deadline, "the workers do not come to an end"
        if killed < len(KILL_AT) and stored(store) >= KILL_AT[killed]:
            victim = workers[killed % WORKERS]
            victim.kill()
            victim.communicate()
            killed += 1
            workers[(killed - 1) % WORKERS] = place.start(*command, budget_usd=place.budget_usd)
        time.sleep(0.05)
    for worker in workers:
        _, err = worker.communicate()
        # three texts in ten fail for good: by chance most of the last fifty may
        stopped = "the budget is used up" in err or "of the last 50 texts failed" in err
        assert worker.returncode in (0, 1) or stopped, err
    return killed


def check(place: Place, store: Store, run_id: str, killed: int) -> None:
    counts = store.runs.count(run_id)
    with store.database.read() as connection:
        good = connection.execute(sa.select(sa.func.count()).where(texts.c.current.is_not(None))).scalar_one()
        decided = connection.execute(sa.select(analyses.c.text_id)).scalars().all()
        paid = connection.execute(sa.select(attempts).where(attempts.c.output_tokens > 0)).all()
        tries = connection.execute(sa.select(attempts.c.error, attempts.c.retried)).all()
    assert counts.pending == 0 and counts.scraped == TEXTS
    assert len(decided) == len(set(decided)) == TEXTS, "one outcome each"
    assert good == counts.analysed == stored(store)
    # every stored answer was billed, and what was billed beyond them never arrived
    bill = Counter((line["input_tokens"], line["output_tokens"], line["outcome"]) for line in place.billed())
    kept = Counter((one.input_tokens, one.output_tokens, one.outcome) for one in paid)
    assert not kept - bill, "tokens in the store are tokens that were billed"
    lost = (bill - kept).total()
    timed_out = sum(f"{one.error},{one.retried}".split(",").count("timeout") for one in tries)
    assert lost <= timed_out + killed * IN_FLIGHT * 3 // 2, (lost, timed_out)
    with store.database.read() as connection:
        again = connection.execute(sa.select(attempts.c.text_id).where(attempts.c.output_tokens > 0)).scalars()
        twice = Counter(again)
    assert max(twice.values()) <= 2, "an answer is asked for twice at most"
