"""The store, warehouse and sandbox of one DAG run, and queries on its results."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pipeline.sandbox import Sandbox

IN_FLIGHT = 4
"""Per worker: 16 concurrent requests of one second each keep four workers busy for 15 s."""


@dataclass(frozen=True)
class RunEnvironment:
    """An empty store on Postgres, an empty warehouse, and a sandbox that records each answer."""

    store: str
    warehouse: Path
    billed: Path
    sandbox: Sandbox

    @property
    def settings(self) -> dict[str, str]:
        """The content of `.env` for this run."""
        return {
            "STORE": self.store,
            "WAREHOUSE": f"sqlite:///{self.warehouse}",
            "ANTHROPIC_BASE_URL": self.sandbox.url,
            "VERBATIMS_CONCURRENCY": str(IN_FLIGHT),
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        }

    def bills(self) -> int:
        """Answers given so far."""
        return len(self.billed.read_text(encoding="utf-8").splitlines()) if self.billed.exists() else 0

    def one(self, query: str) -> Any:
        """One value queried from the store."""
        with psycopg.connect(self.store) as connection:
            found = connection.execute(query).fetchone()  # type: ignore[arg-type, unused-ignore]
        assert found is not None
        return found[0]

    def assert_exact(self) -> None:
        """Assert that every verbatim has an outcome and every analysed one has exactly one row."""
        with closing(sqlite3.connect(self.warehouse)) as warehouse:
            rows = [row for (row,) in warehouse.execute("SELECT verbatim_id FROM verbatims_analysed_v2")]
        assert len(rows) == len(set(rows)) == self.one("SELECT count(*) FROM texts WHERE current IS NOT NULL")
        undecided = "current IS NULL AND skip_reason IS NULL AND text_id NOT IN (SELECT text_id FROM analyses)"
        assert self.one(f"SELECT count(*) FROM texts WHERE {undecided}") == 0
        assert len(rows) > 250


def create(server: str, name: str) -> None:
    """Create an empty database on a Postgres server."""
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type, unused-ignore]
