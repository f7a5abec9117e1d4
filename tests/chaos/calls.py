"""What the rounds on Claude's calls have in common: a folder, a store, a sandbox that bills, and many reviews."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from postgres import Server

from pipeline.analyse.price import Price, Tokens
from pipeline.sandbox import Sandbox
from pipeline.store import Store
from pipeline.store.tables import answers

ROOT = Path(__file__).parents[2]
TEXTS, IN_FLIGHT, WORKERS = 2000, 16, 2
ENOUGH_USD = 100.0
"""All texts cost some $0.09."""

BAD_ANSWERS = ("unreadable", "empty", "truncated", "refused")


def drawn_faults(seed: int, kinds: Sequence[str]) -> dict[str, float]:
    """Each kind at 2 to 5 % of the requests."""
    draw = random.Random(seed)
    return {kind: round(draw.uniform(0.02, 0.05), 3) for kind in kinds}


def store_url(folder: Path, server: Server | None, name: str) -> str:
    """A new store: in the folder, or a database of this name on the server."""
    if server is None:
        return f"sqlite:///{folder}/store.db"
    import psycopg

    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type, unused-ignore]
    return f"{server.url}/{name}"


class Place:
    """A folder, a store, and the sandbox that bills."""

    def __init__(self, folder: Path, store: str, seed: int, faults: dict[str, float], budget_usd: float) -> None:
        self.folder, self.store, self.budget_usd = folder, store, budget_usd
        self.bill = folder / "billed.jsonl"
        self.sandbox = Sandbox(
            latency_s=0.02,
            faults=faults,
            seed=seed,
            billed=self.bill,
            batches=folder / "batches.db",
            batch_delay_s=1.0,
        )

    def environment(self, budget_usd: float) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
            "STORE": self.store,
            "WAREHOUSE": f"sqlite:///{self.folder}/rows.db",
            "ANTHROPIC_BASE_URL": self.sandbox.url,
            "VERBATIMS_CONCURRENCY": str(IN_FLIGHT),
            "VERBATIMS_TIMEOUT_S": "3",
            "VERBATIMS_RETRY_S": "60",
            "VERBATIMS_BUDGET_USD_PER_DAY": str(budget_usd),
        }

    def start(
        self, *arguments: str, budget_usd: float = ENOUGH_USD, module: str = "pipeline.cli", **more: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=self.environment(budget_usd) | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode in (0, 1), err
        return out.strip()

    def cleaned_run(self) -> str:
        """A run of so many texts that are ready to be analysed."""
        lines = (
            json.dumps({"id": n, "text": f"Avis {n} : la livraison numéro {n} était rapide."}) for n in range(TEXTS)
        )
        (self.folder / "reviews.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        run_id = self.run("scrape", "--input", "reviews.jsonl")
        self.run("clean", "--run", run_id)
        return run_id

    def billed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.bill.read_text().splitlines()] if self.bill.exists() else []


def billed_usd(place: Place, *, batch: bool = False) -> float:
    price = Price("claude-haiku-5-5", None, None, batch=batch)
    return sum(price.usd(tokens_of(line)) for line in place.billed())


def tokens_of(line: dict[str, Any]) -> Tokens:
    write, read = line["cache_write_tokens"], line["cache_read_tokens"]
    return Tokens(line["input_tokens"] - write - read, write, read, line["output_tokens"])


def stored(store: Store) -> int:
    """Good answers in the store."""
    with store.database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(answers)).scalar_one())
