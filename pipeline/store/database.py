"""The connection to the store: SQLite embedded, Postgres shared; callers see no difference."""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from pipeline.errors import SettingsError
from pipeline.sqlite_file import BUSY_TIMEOUT_S, connect_read_only, is_read_only, use_wal
from pipeline.store.driver_errors import translate

SERVER_OPTIONS: dict[str, Any] = {
    "connect_timeout": 10,
    # together half a minute for a server that has vanished; a lock may be waited for as long as it takes
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""What libpq is told where the URL says nothing: it would wait for minutes for a host that drops packets."""

IDLE_S = 20
"""How long a Postgres server keeps a transaction open for a process that was stopped in it: its locks hold up
everybody else. A statement or a wait for a lock is not idle."""


class Turn(IntEnum):
    """What one transaction does at a time: keys of advisory locks on Postgres. SQLite has one writer anyway."""

    UPGRADING = 716327
    FORGETTING = 716328
    """Adding verbatims shares it; forgetting one has it alone."""
    CLAIMING = 716329
    """Without it, two who claim the same texts in different orders would deadlock."""
    DELIVERING = 716331
    """Whatever changes deliveries: in different orders of rows, and a new warehouse must see every change."""
    LOADING = 716332
    """Into warehouses: of two loads the later one would leave what the earlier one has read before."""
    FOLDING = 716330
    """Two who fold totals at once would add to the same rows."""
    SENTINEL = 716333
    """Two who begin to ask the sentinel at once would both pay."""


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite store."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def not_writable(name: str) -> SettingsError:
    """For a file, or a folder, that this user cannot write."""
    return SettingsError(
        f"STORE: {name} cannot be written: give this user the right to write to it and its folder, or name another"
    )


class Database:
    """Transactions over one URL. Errors of the driver leave it as one line, without the password."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        self._reached = False
        self.process = secrets.token_hex(8)
        """Which process adds to the totals: a row of its own, so that workers do not wait for one another."""
        self.sqlite = self._url.get_backend_name() == "sqlite"
        self.read_only = self.sqlite and is_read_only(self._path)
        """Whether it is a file that cannot be written: then it is read as it is."""
        self.engine = self._sqlite() if self.sqlite else self._postgres()

    @property
    def name(self) -> str:
        """The URL with its password hidden, and without the options behind the ?."""
        return self._url.set(query={}).render_as_string(hide_password=True)

    @property
    def _path(self) -> Path:
        return Path(self._url.database or "")

    def require_writable(self) -> None:
        """Raises SettingsError for a file, or a folder, that cannot be written."""
        if self.read_only:
            raise not_writable(self.name)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only looks."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes: on SQLite it takes the lock at once.

        Reading first and upgrading later let four processes make 9224 claims on 8000 items.
        """
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def upgrade(self) -> Iterator[sa.Connection]:
        """A transaction that may drop tables which others refer to: SQLite checks foreign keys at its end.

        They can be turned off only before BEGIN. Raises SettingsError where rows refer to rows that are not there.
        """
        if not self.sqlite:
            with self.write() as connection:
                yield connection
            return
        with self._translating(), self.engine.connect().execution_options(write=True) as connection:
            # the driver itself: SQLAlchemy would send BEGIN first, and inside a transaction this PRAGMA does nothing
            raw: Any = connection.connection.dbapi_connection
            raw.execute("PRAGMA foreign_keys=OFF").close()
            try:
                with connection.begin():
                    yield connection
                    self._check_references(connection)
            finally:
                raw.execute("PRAGMA foreign_keys=ON").close()

    def _check_references(self, connection: sa.Connection) -> None:
        if found := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise SettingsError(
                f"STORE: {self.name} cannot be upgraded: row {found[1]} of {found[0]} refers to none of {found[2]}; "
                "restore a backup of it"
            )

    @contextmanager
    def exclusive(self, turn: Turn, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
        """What one process does at a time, over many transactions. Blocks; a process that dies gives it back.

        `waits` is called where another has it. A lock of an open transaction on Postgres, of a file on SQLite.
        """
        if self.sqlite:
            with open(f"{self._path}.{turn.name.lower()}-lock", "w", encoding="ascii") as file:
                _lock(file, waits)
                yield
            return
        # of a transaction, not of a session: behind a pooler each transaction may have another session
        with self.write() as connection:
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            if not connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(int(turn)))).scalar_one():
                waits()
                self.take_turns(connection, turn)
            yield

    def copy_to(self, target: Path) -> None:
        """Copy a SQLite file; what was copied when the disk was full is removed."""
        # an upgrade that was killed after its copy has left one; VACUUM INTO refuses an existing file
        target.unlink(missing_ok=True)
        with self._translating(), closing(self.engine.raw_connection()) as raw:
            try:
                raw.cursor().execute("VACUUM INTO ?", (str(target),))
            except sqlite3.Error:
                target.unlink(missing_ok=True)
                raise

    def take_turns(self, connection: sa.Connection, turn: Turn, *, shared: bool = False) -> None:
        """Wait until no other transaction has this turn; it is over with the transaction."""
        if not self.sqlite:
            lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
            connection.execute(sa.select(lock(int(turn))))

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[sa.Connection]:
        with (
            self._translating(),
            self.engine.connect().execution_options(write=write) as connection,
            connection.begin(),
        ):
            self._reached = True
            yield connection

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise translate(error, self.name, reached=self._reached) from None

    def _sqlite(self) -> sa.Engine:
        if self._url.database and self._url.database != ":memory:":
            _make_folder(self._path.parent)
        if self.read_only:
            # no pool: whether somebody writes to the file is looked up by each connection
            return sa.create_engine(
                self._url, hide_parameters=True, poolclass=sa.NullPool, creator=lambda: connect_read_only(self._path)
            )
        # hidden parameters: verbatims are among them, and an error must not quote one
        engine = sa.create_engine(self._url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgres(self) -> sa.Engine:
        url = self._url.set(drivername="postgresql+psycopg")
        options = {name: value for name, value in SERVER_OPTIONS.items() if name not in url.query}
        # prepared statements belong to a session, and behind a pooler the next transaction may have another
        options |= {"client_encoding": "utf8", "prepare_threshold": None}
        # pre-ping: after a restart of the server each pooled connection would fail its next statement
        engine = sa.create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=options)
        sa.event.listen(engine, "connect", self._prepare_postgres)
        return engine

    def _prepare_postgres(self, connection: Any, _record: object) -> None:
        self._require_utf8(connection)
        # not as an option of the connection, which a pooler refuses
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_S}s'")
        connection.commit()

    def _require_utf8(self, connection: Any) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise SettingsError(
                f"STORE: {self.name} has the encoding {encoding} and could not hold every text: "
                "name a database that was created with ENCODING 'UTF8'"
            )


def _lock(file: IO[str], waits: Callable[[], None]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waits()
        fcntl.flock(file, fcntl.LOCK_EX)


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT of the connection's own dialect, which may say ON CONFLICT."""
    return insert_of(connection.dialect.name, table)


def insert_ignoring(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that leaves an existing row as it is."""
    return _insert_ignoring(connection.dialect.name, table)


@cache
def insert_of(dialect: str, table: sa.Table) -> Any:
    """The same by the dialect's name; built once, for its columns `excluded` take half a millisecond."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


@cache
def _insert_ignoring(dialect: str, table: sa.Table) -> Any:
    return insert_of(dialect, table).on_conflict_do_nothing()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"STORE: cannot make the folder {folder}: {error.strerror}") from None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    use_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        # FULL: an answer that is paid for must survive a power cut; group commit keeps it cheap
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
