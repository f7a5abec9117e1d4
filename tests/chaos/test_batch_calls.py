"""Two thousand verbatims in Message Batches, every fault at some per cent, two workers at once, each killed at a step
of its work and replaced: each text has one outcome, and each answer is billed, stored and counted once.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres import Server

from pipeline.store import Store, open_store
from pipeline.store.tables import analyses, attempts, batches, claims, holders, spending

from .calls import BAD_ANSWERS, ENOUGH_USD, TEXTS, WORKERS, Place, billed_usd, drawn_faults, store_url

pytestmark = pytest.mark.chaos

BATCH_FAULTS = (
    "batch_errored",
    "batch_invalid",
    "batch_expired",
    "batch_canceled",
    "batch_refused",
    "batch_lost_reply",
    "batch_late",
    "batch_broken_results",
)
SCARCE_USD = 1.0
"""A text may cost $0.0014 in a batch before it is answered: some 700 are under way at once."""

STEPS = (
    "BatchApi.create before",
    "BatchApi.create behind",
    "Batches.commit behind",
    "Batches.commit before",
    "Batches.note_collected before",
    "BatchApi.delete behind",
    "Batches.close before",
)
"""Where a worker dies, in this order: each that is replaced has the next step before it."""

DEADLINE_S = 400
MOST_STARTS = 40


@pytest.fixture(params=["sqlite", "postgres"])
def place(tmp_path: Path, seed: int, request: pytest.FixtureRequest, server: Server) -> Iterator[Place]:
    store = store_url(tmp_path, server if request.param == "postgres" else None, f"batches_{seed}")
    faults = drawn_faults(seed, (*BAD_ANSWERS, *BATCH_FAULTS))
    made = Place(tmp_path, store, seed, faults, SCARCE_USD if seed % 2 else ENOUGH_USD)
    made.sandbox.start()
    yield made
    made.sandbox.stop()


def test_a_crash_at_every_step_of_batches_loses_and_doubles_nothing(place: Place) -> None:
    run_id = place.cleaned_run()
    store = open_store(place.store)
    try:
        work(place, store, run_id)
        check(place, store, run_id)
    finally:
        store.close()


def work(place: Place, store: Store, run_id: str) -> None:
    """Two workers until nothing is left; the first ones die, one at each step."""
    deadline = time.monotonic() + DEADLINE_S
    steps, starts = list(STEPS), 0
    workers: dict[subprocess.Popen[str], str] = {}
    while left(store, run_id) or workers:
        assert time.monotonic() < deadline and starts < MOST_STARTS, "the workers do not come to an end"
        while len(workers) < WORKERS and left(store, run_id):
            step = steps.pop(0) if steps else ""
            workers[start(place, run_id, step)] = step
            starts += 1
        time.sleep(0.05)
        for worker in [one for one in workers if one.poll() is not None]:
            end(worker, workers.pop(worker))
    assert not steps


def start(place: Place, run_id: str, step: str) -> subprocess.Popen[str]:
    command = ("analyse", "--run", run_id, "--mode", "batch")
    return place.start(*command, budget_usd=place.budget_usd, module="chaos.crashing", CRASH_AT=step)


def end(worker: subprocess.Popen[str], step: str) -> None:
    """One that was to die is dead; any other says why it ends."""
    _, err = worker.communicate()
    if step:
        assert worker.returncode == -signal.SIGKILL, (step, err)
    else:
        known = "the budget is used up" in err or "texts failed" in err
        assert worker.returncode in (0, 1) or (worker.returncode == 3 and known), err


def left(store: Store, run_id: str) -> int:
    """Texts without an outcome and batches that are not closed."""
    return store.texts.count_pending(run_id) + len(store.open_batches(run_id))


def check(place: Place, store: Store, run_id: str) -> None:
    bill = place.billed()
    with store.database.read() as connection:
        decided = connection.execute(sa.select(analyses.c.text_id)).scalars().all()
        paid = connection.execute(sa.select(attempts).where(attempts.c.output_tokens > 0)).all()
        counted = connection.execute(sa.select(sa.func.sum(spending.c.usd))).scalar_one()
        kinds = [
            connection.execute(sa.select(sa.func.count()).select_from(one)).scalar_one() for one in (claims, holders)
        ]
        states = set(connection.execute(sa.select(batches.c.state)).scalars())
    assert len(decided) == len(set(decided)) == TEXTS, "one outcome each"
    assert kinds == [0, 0] and states == {"closed"}
    assert len(bill) == len({(line["batch_id"], line["custom_id"]) for line in bill}), "billed once each"
    kept = Counter((one.input_tokens, one.output_tokens, one.outcome) for one in paid)
    assert kept == Counter((line["input_tokens"], line["output_tokens"], line["outcome"]) for line in bill)
    assert max(Counter(line["text_sha256"] for line in bill).values()) <= 2, "an answer is asked for twice at most"
    assert counted == pytest.approx(billed_usd(place, batch=True)), "the budget counts what was billed"
    assert billed_usd(place, batch=True) <= place.budget_usd
