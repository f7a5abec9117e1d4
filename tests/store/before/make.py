"""Makes the fixture of the migration behind schema 0004: two stores as SQL, and what the old code says of them.

It runs with the old code only: `git worktree add /elsewhere b9a0d4c`, then
`PYTHONPATH=/elsewhere .venv/bin/python tests/store/before/make.py`.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import sqlalchemy as sa
from history import History, stopped_clock
from rich.console import Console

from pipeline.journey import Context, load
from pipeline.progress import Terminal
from pipeline.settings import load_settings
from pipeline.store import StoreTotals, count_rows, count_run, failures, open_store
from pipeline.store.migrate import HEAD
from pipeline.store.tables import runs
from pipeline.telemetry import start

HERE = Path(__file__).parent

ANALYST = """CREATE VIEW analyst_negative AS
SELECT verbatim_id, summary FROM verbatims_analysed_v1 WHERE sentiment='negative'"""
"""What an analyst has added to the warehouse."""

SESSION = re.compile(r"(?m)^(?:\\.*|--.*|SET .*;|SELECT pg_catalog\.set_config\('search_path'.*)\n")
"""Lines of pg_dump that are for psql, for a reader, or for the session that restores."""


def main() -> None:
    """Write the three files."""
    if HEAD != "0004":
        sys.exit(f"this code makes stores of schema {HEAD}; see the first lines of {Path(__file__).name}")
    with TemporaryDirectory() as folder:
        expected = {"sqlite": make_sqlite(Path(folder)), "postgres": make_postgres(Path(folder))}
    text = json.dumps(expected, ensure_ascii=False, indent=1, sort_keys=True)
    (HERE / "expected.json").write_text(text + "\n", encoding="utf-8")


def make_sqlite(folder: Path) -> dict[str, Any]:
    """The store that is its own warehouse."""
    tell(f"sqlite:///{folder}/made.db", folder / "made.db")
    with closing(sqlite3.connect(folder / "made.db")) as connection:
        connection.execute(ANALYST)
        dump = "\n".join(connection.iterdump()) + "\n"
    (HERE / "sqlite.sql").write_text(dump, encoding="utf-8")
    with closing(sqlite3.connect(folder / "restored.db")) as connection:
        connection.executescript(dump)
    return expect(f"sqlite:///{folder}/restored.db", folder / "restored.db")


def make_postgres(folder: Path) -> dict[str, Any]:
    """The store on a server, whose warehouse is a file beside it."""
    sys.path.insert(0, str(HERE.parents[1]))
    from postgres import _binaries, serving

    with serving() as server:
        execute(f"{server}/postgres", "CREATE DATABASE made")
        execute(f"{server}/postgres", "CREATE DATABASE restored")
        tell(f"{server}/made", folder / "rows.db")
        options = ("--inserts", "--no-owner", "--no-privileges")
        said = subprocess.check_output([_binaries() / "pg_dump", *options, f"{server}/made"], text=True, timeout=60)
        dump = re.sub(r"\n{3,}", "\n\n", SESSION.sub("", said)).strip() + "\n"
        (HERE / "postgres.sql").write_text(dump, encoding="utf-8")
        execute(f"{server}/restored", dump)
        return expect(f"{server}/restored", folder / "rows.db")


def execute(url: str, statements: str) -> None:
    """As whoever restores the dump does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements)  # type: ignore[arg-type, unused-ignore]


@contextmanager
def opened(store_url: str, warehouse: Path) -> Iterator[Context]:
    """What the stages are given."""
    settings = load_settings({"STORE": store_url, "WAREHOUSE": f"sqlite:///{warehouse}"}, dotenv=None)
    store = open_store(store_url)
    with start(disabled=True) as telemetry:
        yield Context(settings, store, telemetry, Terminal(Console(quiet=True), billed=False))
    store.close()


def tell(store_url: str, warehouse: Path) -> None:
    """Let the history happen in a new store."""
    with stopped_clock() as clock, opened(store_url, warehouse) as context:
        context.open_warehouse().close()
        History(context, clock).happen()


def expect(store_url: str, warehouse: Path) -> dict[str, Any]:
    """What the old code says of a restored store, and the rows that it holds once every run is loaded again."""
    with opened(store_url, warehouse) as context:
        database = context.store.database
        with database.read() as connection:
            ids = list(connection.execute(sa.select(runs.c.run_id).order_by(runs.c.started_at)).scalars())
        said = {
            "warehouse": rows(warehouse),
            "totals": totals(StoreTotals(database)),
            "counts": {one: asdict(count_run(database, one)) for one in ids},
            "failures": {one: [asdict(found) for found in failures(database, one)] for one in ids},
            "row_counts": {one: asdict(count_rows(database, one)) for one in ids},
        }
        for one in ids:
            load(context, one)
        return said | {"warehouse_after_load": rows(warehouse)}


def rows(warehouse: Path) -> list[list[Any]]:
    """The warehouse's rows, whole."""
    with closing(sqlite3.connect(warehouse)) as connection:
        found = connection.execute("SELECT * FROM verbatims_analysed_v1 ORDER BY verbatim_id").fetchall()
    return [list(row) for row in found]


def totals(store: StoreTotals) -> dict[str, list[list[Any]]]:
    """Each method's result as lists: the labels, then the value; a lone value has no labels."""
    return {name: _listed(getattr(store, name)()) for name in vars(StoreTotals) if not name.startswith("_")}


def _listed(found: Any) -> list[list[Any]]:
    if not isinstance(found, dict):
        return [[found]]
    labelled = [[*(key if isinstance(key, tuple) else (key,)), value] for key, value in found.items()]
    return sorted(labelled, key=lambda one: [str(label) for label in one[:-1]])


if __name__ == "__main__":
    main()
