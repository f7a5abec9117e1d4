"""The embedded warehouse: a SQLite file, the store's own by default."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError, TransientError
from pipeline.load.payload import problem_of, values_of
from pipeline.load.table import ANALYSED, Column, Parameter, TableDescription, describe, differences
from pipeline.load.warehouse import Loaded, RejectedRow
from pipeline.records import SANDBOX_MODEL, WarehouseRow

TYPES = {"STRING": "TEXT", "FLOAT64": "REAL", "DATE": "TEXT", "TIMESTAMP": "TEXT", "JSON": "TEXT"}

LOADS = "verbatims_loads_v1"
"""Which load of which store came last: how a store sees that its rows are no longer here."""

BUSY_TIMEOUT_S = 60
"""The pipeline and an analyst's notebook may write one file: wait rather than fail."""


class SqliteWarehouse:
    """Builds its table and views when it opens; each column's meaning stands in `.schema`."""

    def __init__(self, url: str, *, sandbox: bool) -> None:
        self._path = Path(url.removeprefix("sqlite:///"))
        self._table = describe(ANALYSED)
        self.name = f"{self._path}, table {ANALYSED}"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._build()
            self._refuse_others(sandbox)
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(f"WAREHOUSE: cannot use {self._path}: {error}") from error

    def load(self, pages: Iterable[Sequence[WarehouseRow]], outdated: Iterable[str] = ()) -> Loaded:
        """Upsert page by page, each in a transaction of its own; a row that is the same is not written."""
        held = 0
        refused: list[RejectedRow] = []
        upsert = _upsert(self._table)
        try:
            for page in pages:
                self._connection.execute("BEGIN IMMEDIATE")
                before = len(refused)
                refused.extend(filter(None, (self._one(upsert, row) for row in page)))
                self._connection.execute("COMMIT")
                held += len(page) - (len(refused) - before)
            remove = f"DELETE FROM {ANALYSED} WHERE {self._table.key} = ?"
            self._connection.executemany(remove, ((identity,) for identity in outdated))
        except sqlite3.DatabaseError as error:
            raise self._stopped(error) from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        return Loaded(held, tuple(refused))

    def query(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        """As the seam says; days are text here."""
        given = {name: str(value) if isinstance(value, date) else value for name, value in parameters.items()}
        try:
            found = self._connection.execute(sql, given)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]
        except sqlite3.DatabaseError as error:
            raise self._stopped(error) from error

    def marks(self) -> Mapping[str, int]:
        """As the seam says."""
        try:
            if self._connection.execute(f"SELECT 1 FROM {ANALYSED} LIMIT 1").fetchone() is None:
                return {}
            return dict(self._connection.execute(f"SELECT identity, number FROM {LOADS}"))
        except sqlite3.DatabaseError as error:
            raise self._stopped(error) from error

    def mark(self, identity: str, number: int) -> None:
        """As the seam says."""
        upsert = (
            f"INSERT INTO {LOADS} VALUES (?, ?) "
            "ON CONFLICT (identity) DO UPDATE SET number = max(number, excluded.number)"
        )
        try:
            self._connection.execute(upsert, (identity, number))
        except sqlite3.DatabaseError as error:
            raise self._stopped(error) from error

    def how_to_look(self) -> str:
        """Python's own sqlite3: the sqlite3 shell is not on every machine."""
        query = "SELECT * FROM sentiment_by_week_v1"
        path = str(self._path)
        return f"python3 -c \"import sqlite3; print(*sqlite3.connect('{path}').execute('{query}'), sep='\\n')\""

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _stopped(self, error: sqlite3.Error) -> TransientError:
        return TransientError(f"the warehouse {self._path} stopped answering: {error}; free space or mend it")

    def _one(self, upsert: str, row: WarehouseRow) -> RejectedRow | None:
        values = values_of(row)
        if problem := problem_of(values, self._table):
            return RejectedRow(row.verbatim_id, problem)
        lists = {name: json.dumps(values[name], ensure_ascii=False) for name in ("topics", "new_topics")}
        try:
            self._connection.execute(upsert, values | lists)
        except sqlite3.IntegrityError as error:  # a rule that somebody has added to the table
            return RejectedRow(row.verbatim_id, str(error))
        return None

    def _build(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        found = self._connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (ANALYSED,)).fetchone()
        if not found:
            self._connection.execute(_create(self._table))
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {LOADS} (identity TEXT PRIMARY KEY, number INTEGER)")
        self._widen()
        if found and found != (_create(self._table),):
            self._renew()
        for view, select in self._table.views("sqlite").items():
            self._rebuild(view, f"CREATE VIEW {view} AS\n{select.strip()}")
        self._connection.execute("COMMIT")

    def _renew(self) -> None:
        """A table of an older version gives way to the same columns under today's rules, with all its rows."""
        names = ", ".join(column.name for column in self._table.columns)
        # the old way of renaming: views, ours and an analyst's, go on naming the table that they named
        self._connection.execute("PRAGMA legacy_alter_table=ON")
        self._connection.execute(f"ALTER TABLE {ANALYSED} RENAME TO {ANALYSED}_before")
        self._connection.execute(_create(self._table))
        self._connection.execute(f"INSERT INTO {ANALYSED} ({names}) SELECT {names} FROM {ANALYSED}_before")
        self._connection.execute(f"DROP TABLE {ANALYSED}_before")
        self._connection.execute("PRAGMA legacy_alter_table=OFF")

    def _rebuild(self, view: str, statement: str) -> None:
        """A view of an older version gives way; one that is the same is not touched."""
        found = self._connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (view,)).fetchone()
        if found != (statement,):
            self._connection.execute(f"DROP VIEW IF EXISTS {view}")
            self._connection.execute(statement)

    def _widen(self) -> None:
        """Adds what only adds; any other difference is for a person to mend."""
        types = {column.name: column.type for column in self._table.columns}
        found = [name for _, name, *_ in self._connection.execute(f"PRAGMA table_info({ANALYSED})")]
        # SQLite's own types are looser than ours: renewing the table sees to them
        new, mending = differences(self._table, {name: types.get(name, "") for name in found}, ANALYSED)
        if mending:
            self._connection.execute("ROLLBACK")
            raise SettingsError(
                f"WAREHOUSE: {ANALYSED} in {self._path} has another shape; name another file, or mend it: "
                f"{' '.join(mending)}"
            )
        for column in new:
            self._connection.execute(f"ALTER TABLE {ANALYSED} ADD COLUMN {_column(column, self._table.key)}")

    def _refuse_others(self, sandbox: bool) -> None:
        """Rows of the sandbox and of Claude in one table would be taken for one another."""
        query = f"SELECT 1 FROM {ANALYSED} WHERE (model = ?) != ? LIMIT 1"
        if self._connection.execute(query, (SANDBOX_MODEL, sandbox)).fetchone():
            asked, there = ("the sandbox", "Claude") if sandbox else ("Claude", "the sandbox")
            raise SettingsError(f"WAREHOUSE: {self._path} holds rows of {there}, this run asks {asked}: name another")


def _create(table: TableDescription) -> str:
    # the comma must stand before the comment that ends the line
    lines = [_column(column, table.key) for column in table.columns]
    last = len(lines) - 1
    columns = "\n".join(
        f"  {line}{'' if number == last else ','} -- {column.description}"
        for number, (line, column) in enumerate(zip(lines, table.columns, strict=True))
    )
    return f"CREATE TABLE {table.name} ( -- {table.description}\n{columns}\n)"


def _column(column: Column, key: str) -> str:
    kind = TYPES[column.type]
    return f"{column.name} {kind}{' NOT NULL' if column.required else ''}{' PRIMARY KEY' if column.name == key else ''}"


def _upsert(table: TableDescription) -> str:
    names = [column.name for column in table.columns]
    others = [name for name in names if name != table.key]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)}) "
        f"ON CONFLICT ({table.key}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in others)} "
        f"WHERE {' OR '.join(f'{table.name}.{name} IS NOT excluded.{name}' for name in others)}"
    )
