"""What one run of the DAG works on, and what it leaves."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from pipeline.sandbox import Sandbox

IN_FLIGHT = 4
"""Per worker: 16 at once keep all four at work for a quarter of a minute where an answer takes a second."""


@dataclass(frozen=True)
class Night:
    """An empty store on Postgres, an empty warehouse, and a sandbox that notes each answer it gives."""

    store: str
    warehouse: Path
    billed: Path
    sandbox: Sandbox

    @property
    def settings(self) -> dict[str, str]:
        """What `.env` says in this night."""
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
        """A value of the store."""
        with psycopg.connect(self.store) as connection:
            found = connection.execute(query).fetchone()  # type: ignore[arg-type, unused-ignore]
        assert found is not None
        return found[0]

    def assert_exact(self) -> None:
        """Every verbatim has its outcome, and each that is analysed has its row, once."""
        with closing(sqlite3.connect(self.warehouse)) as warehouse:
            rows = [row for (row,) in warehouse.execute("SELECT verbatim_id FROM verbatims_analysed_v1")]
        assert len(rows) == len(set(rows)) == self.one("SELECT count(*) FROM texts WHERE current IS NOT NULL")
        undecided = "current IS NULL AND skip_reason IS NULL AND text_id NOT IN (SELECT text_id FROM analyses)"
        assert self.one(f"SELECT count(*) FROM texts WHERE {undecided}") == 0
        assert len(rows) > 250


def create(server: str, name: str) -> None:
    """An empty database on a Postgres."""
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type, unused-ignore]
