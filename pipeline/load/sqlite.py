"""The SQLite warehouse: a file of its own, or the store's where an older version has put it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError, TransientError
from pipeline.load.payload import RowFormat, encoded
from pipeline.load.table import ANALYSED, FORMER, Column, Parameter, TableDescription, describe, differences
from pipeline.load.warehouse import Load, Loaded, RejectedRow, overtaken
from pipeline.records import SANDBOX_MODEL, WarehouseRow
from pipeline.sqlite_file import BUSY_TIMEOUT_S, is_damaged, use_wal

TYPES = {"STRING": "TEXT", "FLOAT64": "REAL", "INT64": "INTEGER", "DATE": "TEXT", "TIMESTAMP": "TEXT", "JSON": "TEXT"}

LOADS = "verbatims_loads_v1"
"""Table of the load watermarks, by which a store notices that its rows have been lost."""

INDEXED = ("run_id", "seen_on", "model")
"""Columns by which checks, and each opening, look for rows: without an index they read the whole table each time."""


class SqliteWarehouse:
    """Creates its table and views when opened; `.schema` shows each column's meaning as a comment."""

    enforces_key = True

    def __init__(self, url: str, *, sandbox: bool) -> None:
        self._path = Path(url.removeprefix("sqlite:///"))
        self._table = describe(ANALYSED)
        self._format = RowFormat(self._table)
        self._json = [number for number, column in enumerate(self._table.columns) if column.type == "JSON"]
        self._upsert = _upsert(self._table)
        self._load: Load | None = None
        self.name = f"{self._path}, table {ANALYSED}"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            use_wal(self._connection)
            self._build()
            self._check_mode(sandbox)
        except (sqlite3.Error, OSError) as error:
            hint = (
                "restore a backup of it, or name another file" if is_damaged(str(error)) else "mend it, or name another"
            )
            raise SettingsError(f"WAREHOUSE: cannot use {self._path}: {error}; {hint}") from error

    def start_load(self, load: Load) -> None:
        """See `Warehouse.start_load`."""
        upsert = (
            f"INSERT INTO {LOADS} (identity, number, begun) VALUES (?, 0, ?) "
            "ON CONFLICT (identity) DO UPDATE SET begun = excluded.begun"
        )
        self._load = None  # whoever begins last counts, whatever its number: a store may have been restored
        with self._writing():
            self._connection.execute(upsert, (load.store, load.number))
        self._load = load

    def load_rows(self, pages: Iterable[Sequence[WarehouseRow]], outdated: Iterable[str] = ()) -> Loaded:
        """Upsert page by page, each in its own transaction; unchanged rows are not written."""
        held = 0
        refused: list[RejectedRow] = []
        for page in pages:
            fitting, problems = self._checked(page)
            with self._writing():
                problems += self._write(fitting)
            held += len(page) - len(problems)
            refused += problems
        gone = [(identity,) for identity in outdated]
        with self._writing():
            self._connection.executemany(f"DELETE FROM {ANALYSED} WHERE {self._table.key} = ?", gone)
        return Loaded(held, tuple(refused))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction of the load that has begun last."""
        try:
            # IMMEDIATE: a transaction that becomes a writer later may fail at once instead of waiting
            self._connection.execute("BEGIN IMMEDIATE")
            self._refuse_overtaken()
            yield
            self._connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise self._stopped(error) from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _refuse_overtaken(self) -> None:
        if self._load is None:
            return
        begun = f"SELECT 1 FROM {LOADS} WHERE identity = ? AND begun <> ?"
        if self._connection.execute(begun, (self._load.store, self._load.number)).fetchone():
            raise overtaken(self.name)

    def query(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        """See `Warehouse.query`."""
        # SQLite has no date type: days are stored as text
        given = {name: str(value) if isinstance(value, date) else value for name, value in parameters.items()}
        try:
            found = self._connection.execute(sql, given)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]
        except sqlite3.DatabaseError as error:
            raise self._stopped(error) from error

    def marks(self) -> Mapping[str, int]:
        """See `Warehouse.marks`."""
        try:
            empty = self._connection.execute(f"SELECT 1 FROM {ANALYSED} LIMIT 1").fetchone() is None
            found = self._connection.execute(f"SELECT identity, number FROM {LOADS}").fetchall()
            return {identity: 0 if empty else number for identity, number in found}
        except sqlite3.DatabaseError as error:
            raise self._stopped(error) from error

    def mark(self, identity: str, number: int) -> None:
        """See `Warehouse.mark`."""
        upsert = (
            f"INSERT INTO {LOADS} (identity, number) VALUES (?, ?) "
            "ON CONFLICT (identity) DO UPDATE SET number = max(number, excluded.number)"
        )
        try:
            self._connection.execute(upsert, (identity, number))
        except sqlite3.DatabaseError as error:
            raise self._stopped(error) from error

    def drop_staged(self) -> None:
        """See `Warehouse.drop_staged`: there are none."""

    def how_to_look(self) -> str:
        """See `Warehouse.how_to_look`."""
        # Python's sqlite3, since the sqlite3 shell is not installed everywhere
        query = "SELECT * FROM sentiment_by_week_v2"
        path = str(self._path)
        return f"python3 -c \"import sqlite3; print(*sqlite3.connect('{path}').execute('{query}'), sep='\\n')\""

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _stopped(self, error: sqlite3.Error) -> TransientError:
        return TransientError(f"the warehouse {self._path} stopped answering: {error}; free space or mend it")

    def _checked(self, page: Sequence[WarehouseRow]) -> tuple[list[list[Any]], list[RejectedRow]]:
        """The values of rows that fit the table, and the other rows."""
        fitting: list[list[Any]] = []
        problems: list[RejectedRow] = []
        for row in page:
            cells = self._format.cells(row)
            if problem := self._format.problem_of(cells):
                problems.append(RejectedRow(row.verbatim_id, problem))
                continue
            for number in self._json:
                if cells[number] is not None:
                    cells[number] = encoded(cells[number])
            fitting.append(cells)
        return fitting, problems

    def _write(self, rows: Sequence[list[Any]]) -> list[RejectedRow]:
        """All at once, or one by one where one is refused: by a constraint that somebody has added."""
        self._connection.execute("SAVEPOINT page")
        try:
            self._connection.executemany(self._upsert, rows)
        except sqlite3.IntegrityError:
            self._connection.execute("ROLLBACK TO page")
            return [found for row in rows if (found := self._write_row(row))]
        return []

    def _write_row(self, cells: list[Any]) -> RejectedRow | None:
        try:
            self._connection.execute(self._upsert, cells)
        except sqlite3.IntegrityError as error:
            return RejectedRow(cells[self._format.names.index(self._table.key)], _why(error))
        return None

    def _build(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        found = self._connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (ANALYSED,)).fetchone()
        if not found:
            self._connection.execute(_create(self._table))
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {LOADS} (identity TEXT PRIMARY KEY, number INTEGER)")
        loads = [name for _, name, *_ in self._connection.execute(f"PRAGMA table_info({LOADS})")]
        if "begun" not in loads:
            self._connection.execute(f"ALTER TABLE {LOADS} ADD COLUMN begun INTEGER")
        self._add_columns()
        if found and found != (_create(self._table),):
            self._recreate()
        self._take_over()
        for column in INDEXED:
            self._connection.execute(f"CREATE INDEX IF NOT EXISTS {ANALYSED}_by_{column} ON {ANALYSED} ({column})")
        for view, select in self._table.views("sqlite").items():
            self._replace_view(view, f"CREATE VIEW {view} AS\n{select.strip()}")
        self._connection.execute("COMMIT")

    def _recreate(self) -> None:
        """Replace a table of an older version by one with today's definition, and keep its rows."""
        names = ", ".join(column.name for column in self._table.columns)
        # else SQLite would rewrite all views, an analyst's too, to the table's temporary name
        self._connection.execute("PRAGMA legacy_alter_table=ON")
        self._connection.execute(f"ALTER TABLE {ANALYSED} RENAME TO {ANALYSED}_before")
        self._connection.execute(_create(self._table))
        self._connection.execute(f"INSERT INTO {ANALYSED} ({names}) SELECT {names} FROM {ANALYSED}_before")
        self._connection.execute(f"DROP TABLE {ANALYSED}_before")
        self._connection.execute("PRAGMA legacy_alter_table=OFF")

    def _take_over(self) -> None:
        """Move the rows of the former table, which becomes a view of this one with its old columns."""
        kind = self._connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (FORMER,)).fetchone()
        if kind != ("table",):
            return
        there = [name for _, name, *_ in self._connection.execute(f"PRAGMA table_info({FORMER})")]
        if "analyser" not in there:
            self._connection.execute(f"ALTER TABLE {FORMER} ADD COLUMN analyser TEXT")
        rows = self._table.former_rows("sqlite")
        names = ", ".join(column.name for column in self._table.columns)
        self._connection.execute(
            f"INSERT INTO {ANALYSED} ({names})\n{rows} WHERE TRUE ON CONFLICT ({self._table.key}) DO NOTHING"
        )
        self._connection.execute(f"DROP TABLE {FORMER}")

    def _replace_view(self, view: str, statement: str) -> None:
        """Create the view, or replace one of an older version; leave an unchanged one alone."""
        found = self._connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (view,)).fetchone()
        if found != (statement,):
            self._connection.execute(f"DROP VIEW IF EXISTS {view}")
            self._connection.execute(statement)

    def _add_columns(self) -> None:
        """Add new nullable columns. Raises SettingsError for any other difference."""
        types = {column.name: column.type for column in self._table.columns}
        found = [name for _, name, *_ in self._connection.execute(f"PRAGMA table_info({ANALYSED})")]
        # only the names are compared: SQLite's types are looser, and `_recreate` handles them
        new, mending = differences(self._table, {name: types.get(name, "") for name in found}, ANALYSED)
        if mending:
            self._connection.execute("ROLLBACK")
            raise SettingsError(
                f"WAREHOUSE: {ANALYSED} in {self._path} has another shape; name another file, or mend it: "
                f"{' '.join(mending)}"
            )
        for column in new:
            self._connection.execute(f"ALTER TABLE {ANALYSED} ADD COLUMN {_column(column, self._table.key)}")

    def _check_mode(self, sandbox: bool) -> None:
        """Raise SettingsError if the table holds rows of the other mode: nobody could tell them apart later."""
        # each half is looked up in an index; `<>` reads the whole table, each time that a command opens it
        others = "model < :sandbox OR model > :sandbox" if sandbox else "model = :sandbox"
        query = f"SELECT 1 FROM {ANALYSED} WHERE {others} LIMIT 1"
        if self._connection.execute(query, {"sandbox": SANDBOX_MODEL}).fetchone():
            asked, there = ("the sandbox", "Claude") if sandbox else ("Claude", "the sandbox")
            raise SettingsError(f"WAREHOUSE: {self._path} holds rows of {there}, this run asks {asked}: name another")


def _why(error: sqlite3.IntegrityError) -> str:
    """The constraint's name; the message of a trigger may be made from the row."""
    return "a trigger refuses it" if error.sqlite_errorname == "SQLITE_CONSTRAINT_TRIGGER" else str(error)


def _create(table: TableDescription) -> str:
    # the comma has to precede the comment, which runs to the end of the line
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
    # IS NOT instead of <>: it is also true if one side is null
    others = [name for name in names if name != table.key]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({table.key}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in others)} "
        f"WHERE {' OR '.join(f'{table.name}.{name} IS NOT excluded.{name}' for name in others)}"
    )
