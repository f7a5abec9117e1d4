"""Two thousand verbatims, every fault of Claude's API at some per cent, two workers at once and two kills: what was
billed, what is stored and what the budget says add up. `SEEDS=20 make chaos` takes twenty seeds, one unless set.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from postgres import Server

from pipeline.analyse.price import Price, Tokens
from pipeline.sandbox import Sandbox
from pipeline.store import Store, open_store
from pipeline.store.tables import analyses, answers, attempts, texts

pytestmark = pytest.mark.chaos

ROOT = Path(__file__).parents[2]
TEXTS, IN_FLIGHT, WORKERS = 2000, 16, 2
KILL_AT = (500, 700)
"""Stored answers at which a worker is killed."""

ANSWERS = ("unreadable", "empty", "truncated", "refused")
TRIES = ("rate_limited", "ramp_limit", "overloaded", "error", "gateway", "broken", "not_json", "paid_timeout")
FINAL = ("invalid", "too_large")
ENOUGH_USD, SCARCE_USD = 100.0, 0.05
"""All texts cost some $0.09; one day's budget that is enough, and one that ends in the middle."""


@pytest.fixture(params=range(int(os.environ.get("SEEDS") or "1")))
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param) + int(os.environ.get("CHAOS_SEED") or "1")


class Place:
    """A folder, a store, and the sandbox that bills."""

    def __init__(self, folder: Path, store: str, seed: int) -> None:
        draw = random.Random(seed)
        self.folder, self.store, self.seed = folder, store, seed
        faults = {kind: round(draw.uniform(0.02, 0.05), 3) for kind in (*ANSWERS, *TRIES, *FINAL)}
        self.bill = folder / "billed.jsonl"
        self.sandbox = Sandbox(
            latency_s=0.02, faults=faults, seed=seed, billed=self.bill, batches=folder / "batches.db"
        )
        self.budget_usd = SCARCE_USD if seed % 2 else ENOUGH_USD

    def environment(self, budget_usd: float) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "STORE": self.store,
            "WAREHOUSE": f"sqlite:///{self.folder}/rows.db",
            "ANTHROPIC_BASE_URL": self.sandbox.url,
            "VERBATIMS_CONCURRENCY": str(IN_FLIGHT),
            "VERBATIMS_TIMEOUT_S": "3",
            "VERBATIMS_RETRY_S": "60",
            "VERBATIMS_BUDGET_USD_PER_DAY": str(budget_usd),
        }

    def start(self, *arguments: str, budget_usd: float = ENOUGH_USD) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            cwd=self.folder,
            env=self.environment(budget_usd),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode in (0, 1), err
        return out.strip()

    def billed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.bill.read_text().splitlines()] if self.bill.exists() else []


@pytest.fixture
def place(tmp_path: Path, seed: int, server: Server) -> Iterator[Place]:
    """Seeds take turns in stores and in budgets."""
    store = f"sqlite:///{tmp_path}/store.db"
    if seed // 2 % 2:
        import psycopg

        store = f"{server.url}/calls_{seed}"
        with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE calls_{seed}")  # type: ignore[arg-type, unused-ignore]
    made = Place(tmp_path, store, seed)
    made.sandbox.start()
    yield made
    made.sandbox.stop()


def test_whatever_claude_does_and_whoever_is_killed_everything_adds_up(place: Place) -> None:
    lines = (json.dumps({"id": n, "text": f"Avis {n} : la livraison numéro {n} était rapide."}) for n in range(TEXTS))
    (place.folder / "reviews.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run_id = place.run("scrape", "--input", "reviews.jsonl")
    place.run("clean", "--run", run_id)
    store = open_store(place.store)
    try:
        killed = work(place, store, run_id)
        check_budget(place, place.budget_usd)
        assert (store.runs.count(run_id).pending > 0) is (place.budget_usd == SCARCE_USD)
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
        assert worker.returncode in (0, 1) or "the budget is used up" in err, err
    return killed


def stored(store: Store) -> int:
    with store.database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(answers)).scalar_one())


def check_budget(place: Place, budget_usd: float) -> None:
    """Not by a cent, not by less."""
    price = Price("claude-haiku-5-5", None, None)
    usd = sum(price.usd(tokens_of(line)) for line in place.billed())
    assert usd <= budget_usd + 1e-9, f"${usd} were billed of ${budget_usd}"


def tokens_of(line: dict[str, Any]) -> Tokens:
    write, read = line["cache_write_tokens"], line["cache_read_tokens"]
    return Tokens(line["input_tokens"] - write - read, write, read, line["output_tokens"])


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
    assert lost <= timed_out + killed * IN_FLIGHT, (lost, timed_out)
    with store.database.read() as connection:
        again = connection.execute(sa.select(attempts.c.text_id).where(attempts.c.output_tokens > 0)).scalars()
        twice = Counter(again)
    assert max(twice.values()) <= 2, "an answer is asked for twice at most"
