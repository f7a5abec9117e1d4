"""The whole run into the BigQuery sandbox: a repeat changes nothing, rejected rows are named and loaded later."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.sandbox import Sandbox

from .conftest import Command, write_jsonl

WAREHOUSE = "bigquery://sandbox/verbatims"
TEXTS = [f"La livraison numéro {number} est arrivée très vite" for number in range(60)]


def rows(file: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute('SELECT * FROM "verbatims.verbatims_analysed_v2" ORDER BY verbatim_id').fetchall()


@pytest.mark.data
def test_real_reviews_are_loaded_once(verbatims: Command, reviews: Path, tmp_path: Path) -> None:
    arguments = ("run", "--json", "--input", str(reviews / "avis_apps_en.jsonl"))
    first = verbatims(*arguments, WAREHOUSE=WAREHOUSE)
    before = rows(tmp_path / "var" / "bigquery-sandbox.db")
    again = verbatims(*arguments, WAREHOUSE=WAREHOUSE)
    assert first.code == again.code == 0
    assert first.data["loaded"] == again.data["loaded"] == len(before) > 3000
    assert again.data["calls"] == 0
    assert rows(tmp_path / "var" / "bigquery-sandbox.db") == before


def test_rejected_rows_are_counted_and_named_until_a_later_run_loads_them(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "avis.jsonl", TEXTS)
    write_jsonl(tmp_path / "later.jsonl", ["Un autre avis, le lendemain"])
    tables = tmp_path / "var" / "bigquery-sandbox.db"
    with Sandbox(latency_s=0, faults="row_refused=0.1", tables=tables) as sandbox:
        where = {"WAREHOUSE": WAREHOUSE, "ANTHROPIC_BASE_URL": sandbox.url}
        bad = verbatims("run", "--json", "--input", "avis.jsonl", **where)
    refused = 60 - bad.data["loaded"]
    assert bad.code == 1 and 0 < refused < 20
    listed = verbatims("failed")
    assert listed.code == 1 and listed.err == f"{refused} failed records in run {bad.data['run_id']}\n"
    assert listed.out.count('"outcome": "load_refused", "detail": "BigQuery: invalid"') == refused
    assert "livraison" not in listed.out and len(rows(tables)) == 60 - refused

    later = verbatims("run", "--json", "--input", "later.jsonl", WAREHOUSE=WAREHOUSE)
    assert (later.code, later.data["calls"]) == (0, 1)
    assert len(rows(tables)) == 61
    mended = verbatims("failed", "--run", bad.data["run_id"])
    assert (mended.code, mended.out) == (0, "")
    with closing(sqlite3.connect(tmp_path / "var" / "verbatims.db")) as connection:
        assert connection.execute(
            "SELECT sum(n) FROM totals WHERE name = 'load_errors' AND run_id <> ''"
        ).fetchone() == (refused,)


def test_texts_are_erased_in_bigquery_too(verbatims: Command, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "avis.jsonl", TEXTS[:3])
    verbatims("run", "--input", "avis.jsonl", WAREHOUSE=WAREHOUSE)
    assert verbatims("forget", "avis", "r1", WAREHOUSE=WAREHOUSE).code == 0
    with closing(sqlite3.connect(tmp_path / "var" / "bigquery-sandbox.db")) as connection:
        texts = connection.execute('SELECT text IS NULL FROM "verbatims.verbatims_analysed_v2"').fetchall()
    assert sorted(texts) == [(0,), (0,), (1,)]
    assert verbatims("doctor", WAREHOUSE=WAREHOUSE).err.count("BigQuery, table sandbox.verbatims") == 1
