"""A view gives the same numbers in every warehouse."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import sqlglot

from load.places import many
from pipeline.load import open_warehouse
from pipeline.load.table import ANALYSED, FORMER, describe
from pipeline.records import NewTopic, WarehouseRow

VIEWS = describe(ANALYSED)
COMPARED = {
    # its other columns are those of the table, where DuckDB prints JSON and instants in its own way
    FORMER: "verbatim_id, rating, written_at",
    "worst_verbatims_v1": "source, nth, rating, day, verbatim_id",
}
"""Columns to compare, where not all."""
SENTIMENTS = ("positive", "negative", "neutral", "mixed")


def rows() -> list[WarehouseRow]:
    """Rows over four weeks from a Sunday: two sources, all sentiments, zero to two topics."""
    return [
        replace(
            row,
            source=("shop", "store")[n % 2],
            seen_on=f"2026-03-{1 + n % 28:02}",
            written_on=None if n % 6 == 0 else f"2026-02-{1 + n % 28:02}",
            written_at=None if n % 4 else f"2026-02-{1 + n % 28:02}T23:00:00+00:00",
            language=(None, "fr", "en", "es")[n % 4],
            new_topics=((), (NewTopic("cadeaux", "Des cadeaux.", f"mot {n}"),), (NewTopic("gift's", "Gifts.", None),))[
                n % 3
            ],
            sentiment=SENTIMENTS[n % 3 + (n % 7 == 0)],
            topics=((), ("delivery",), ("delivery", "price"))[n % 3],
            rating=None if n % 5 == 0 else float(1 + n % 5),
            cost_usd=0.0 if n % 4 == 0 else 0.001 * n,
            analysed_at=f"2026-03-{1 + n % 3:02}T23:30:00+00:00",
        )
        for n, row in enumerate(many(200))
    ]


@pytest.fixture(scope="module")
def in_duckdb() -> Iterator[duckdb.DuckDBPyConnection]:
    """The rows in DuckDB, which runs BigQuery's views as sqlglot translates them."""
    kinds = {"FLOAT64": "DOUBLE", "STRING": "VARCHAR", "TIMESTAMP": "TIMESTAMPTZ"}
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    columns = ", ".join(f"{column.name} {kinds.get(column.type, column.type)}" for column in VIEWS.columns)
    connection.execute(f"CREATE TABLE {ANALYSED} ({columns})")
    values = [asdict(row) for row in rows()]
    connection.executemany(
        f"INSERT INTO {ANALYSED} VALUES ({', '.join('?' * len(VIEWS.columns))})",
        [[json.dumps(v) if isinstance(v, tuple | list) else v for v in value.values()] for value in values],
    )
    yield connection
    connection.close()


@pytest.mark.parametrize("view", sorted(VIEWS.views("sqlite")))
def test_both_dialects_of_a_view_give_the_same_numbers(
    view: str, tmp_path: Path, in_duckdb: duckdb.DuckDBPyConnection
) -> None:
    with closing(open_warehouse(f"sqlite:///{tmp_path}/rows.db", sandbox=True)) as warehouse:
        warehouse.load_rows([rows()])
    with closing(sqlite3.connect(tmp_path / "rows.db")) as connection:
        here = sorted(map(str, connection.execute(f"SELECT {COMPARED.get(view, '*')} FROM {view}")))
    [select] = sqlglot.transpile(
        VIEWS.views("bigquery")[view].replace("{dataset}.", ""), read="bigquery", write="duckdb"
    )
    found = in_duckdb.execute(f"SELECT {COMPARED.get(view, '*')} FROM ({select})").fetchall()
    there = sorted(str(tuple(map(_plain, row))) for row in found)
    assert len(here) >= 3 and here == there


def _plain(value: object) -> object:
    # DuckDB truncates a date to a timestamp
    value = value.date() if isinstance(value, datetime) else value
    return value if isinstance(value, int | float | str | None) else str(value)
