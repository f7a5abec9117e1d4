"""A warehouse just as it is, for commands that only read: nothing is created, upgraded or written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from pipeline.errors import SettingsError, TransientError
from pipeline.load.table import ANALYSED, Parameter
from pipeline.session import file_of_warehouse, on_bigquery, sandbox_for
from pipeline.settings import Settings
from pipeline.sqlite_file import BUSY_TIMEOUT_S, connect_read_only, is_read_only


class Rows(Protocol):
    """The part of `Warehouse` that reads."""

    name: str
    """Where the rows are, for messages."""

    def query(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        """Raises TransientError if the warehouse is unreachable."""

    def close(self) -> None:
        """Close the connection."""


@contextmanager
def peek_warehouse(settings: Settings) -> Iterator[Rows]:
    """The existing warehouse of the settings. Raises SettingsError, which names WAREHOUSE, where there is none."""
    file = file_of_warehouse(settings)
    if file is not None and not file.exists():
        raise not_made(str(file))
    with sandbox_for(settings) as endpoint:
        bigquery = on_bigquery(settings)
        rows = _bigquery(settings, endpoint) if bigquery else _SqliteRows(Path(file or ""))
        with closing(rows):
            yield rows


def not_made(name: str) -> SettingsError:
    """For a warehouse, or its table, that no load has made yet."""
    return SettingsError(f"WAREHOUSE: {name} has no table {ANALYSED} yet; `verbatims load` makes it")


class _SqliteRows:
    """A file, opened so that SQLite itself refuses statements that write."""

    def __init__(self, path: Path) -> None:
        self.name = f"{path}, table {ANALYSED}"
        try:
            self._connection = _connect(path)
            found = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (ANALYSED,)).fetchone()
        except sqlite3.Error as error:
            raise SettingsError(f"WAREHOUSE: cannot read {path}: {error}") from error
        if found is None:
            self._connection.close()
            raise not_made(str(path))

    def query(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Mapping[str, Any]]:
        given = {name: str(value) if isinstance(value, date) else value for name, value in parameters.items()}
        try:
            found = self._connection.execute(sql, given)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]
        except sqlite3.Error as error:
            raise TransientError(f"{self.name} stopped answering: {error}") from error

    def close(self) -> None:
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    if is_read_only(path):
        return connect_read_only(path)
    # mode=ro would leave a -wal and a -shm behind, which only a writer may remove
    address = f"file:{quote(str(path.absolute()))}?mode=rw"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)
    connection.execute("PRAGMA query_only=ON").close()
    return connection


def _bigquery(settings: Settings, endpoint: str | None) -> Rows:
    # here, since the import takes half a second that SQLite can save
    from google.api_core import exceptions as google

    from pipeline.load.bigquery import BigQueryWarehouse

    class Existing(BigQueryWarehouse):
        """Finds its table in place of making it."""

        def _create_tables(self) -> None:
            try:
                self._jobs.location = self._client.get_table(self._table).location
            except google.NotFound:
                raise not_made(self.name) from None

    return Existing(settings.warehouse_url, sandbox=settings.sandbox, endpoint=endpoint)
