"""Store and warehouse, read by hand: SQL of their own, nothing of the code under test."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]

TABLE = "verbatims_analysed_v2"


@dataclass(frozen=True)
class Place:
    """A database: a SQLite file or one of a Postgres server."""

    url: str
    prefix: str = ""
    """Of its tables, as the stand-in of BigQuery names them."""

    @property
    def file(self) -> Path | None:
        """None on a server."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:///") else None

    def rows(self, sql: str) -> list[Row]:
        """The result of a query."""
        if self.file is None:
            with psycopg.connect(self.url, row_factory=dict_row) as server:
                return server.execute(sql).fetchall()
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql)]

    def change(self, sql: str) -> None:
        """One statement."""
        if self.file is None:
            with psycopg.connect(self.url) as server:
                server.execute(sql)
            return
        with closing(sqlite3.connect(self.file, timeout=30)) as connection:
            connection.execute(sql)
            connection.commit()

    def words(self) -> str:
        """All that its tables hold, as one text; of BigQuery the staging tables and the jobs too."""
        return "\n".join(str(row) for table in self._tables() for row in self.rows(f'SELECT * FROM "{table}"'))

    def _tables(self) -> list[str]:
        if self.file is None:
            query = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
        else:
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        return [row["name"] for row in self.rows(query)]


EXPECTED = """
SELECT t.verbatim_id, t.source, t.external_id, t.text, t.rating, t.seen_on, t.erased, a.summary, a.sentiment, a.topics
FROM texts t
JOIN analyses n ON n.analysis_id = t.current
JOIN answers a ON a.request_key = n.request_key
WHERE t.text_id = (SELECT max(o.text_id) FROM texts o WHERE o.verbatim_id = t.verbatim_id)
"""


def expected_rows(store: Place) -> list[Row]:
    """What the store says that the warehouse should hold, in order."""
    found = []
    for row in store.rows(EXPECTED):
        erased = row.pop("erased")
        found.append(_plain(row | ({"text": None, "summary": None} if erased else {})))
    return sorted(found, key=str)


def warehouse_rows(warehouse: Place) -> list[Row]:
    """What the warehouse holds, in order."""
    columns = "verbatim_id, source, external_id, text, rating, seen_on, summary, sentiment, topics"
    return sorted(
        (_plain(row) for row in warehouse.rows(f'SELECT {columns} FROM "{warehouse.prefix}{TABLE}"')), key=str
    )


def _plain(row: Mapping[str, Any]) -> Row:
    return dict(row) | {"topics": json.loads(row["topics"])}
