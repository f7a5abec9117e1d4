"""The connection to the store: SQLite embedded, Postgres shared; callers see no difference."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from pipeline.claiming import boot_clock
from pipeline.errors import SettingsError, StoreRejection, StoreUnavailable

BUSY_TIMEOUT_S = 60
"""How long a SQLite writer waits for another; 4 processes with 20 writers each lost nothing at 30."""


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


class Database:
    """Transactions over one URL. Errors of the driver leave it as one line, without the password."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        self._reached = False
        self.process = secrets.token_hex(8)
        """Which process adds to the totals: a row of its own, so that workers do not wait for one another."""
        self.sqlite = self._url.get_backend_name() == "sqlite"
        self.engine = self._sqlite() if self.sqlite else self._postgres()

    @property
    def name(self) -> str:
        """The URL with its password hidden, and without the options behind the ?."""
        return self._url.set(query={}).render_as_string(hide_password=True)

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
        with self.engine.connect().execution_options(write=True) as connection:
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
    def exclusive(self, turn: Turn) -> Iterator[None]:
        """What one process does at a time, over many transactions. Blocks; a process that dies gives it back.

        A lock of the session on Postgres, of a file beside the store on SQLite.
        """
        if not self.sqlite:
            with self._session_lock(int(turn)):
                yield
            return
        with open(f"{self._url.database}.{turn.name.lower()}-lock", "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _session_lock(self, key: int) -> Iterator[None]:
        try:
            # a connection of its own: the lock belongs to it
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.select(sa.func.pg_advisory_lock(key)))
                try:
                    yield
                finally:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
        except DBAPIError as error:
            raise self._translate(error) from error

    def take_turns(self, connection: sa.Connection, turn: Turn, *, shared: bool = False) -> None:
        """Wait until no other transaction has this turn; it is over with the transaction."""
        if not self.sqlite:
            lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
            connection.execute(sa.select(lock(int(turn))))

    def now(self, connection: sa.Connection) -> float:
        """Seconds by a clock that all processes share: the server's, or for a SQLite file the time since boot.

        The time of day is not used for files: setting it would end leases.
        """
        if self.sqlite:
            return boot_clock()
        return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[sa.Connection]:
        try:
            with self.engine.connect().execution_options(write=write) as connection, connection.begin():
                self._reached = True
                yield connection
        except DBAPIError as error:
            raise self._translate(error) from error
        except (UnicodeEncodeError, OverflowError) as error:  # the drivers' own, before anything is sent
            raise self._rejection(error) from None  # its message quotes the value

    def _rejection(self, error: BaseException) -> StoreRejection:
        return StoreRejection(f"the store {self.name} cannot hold a value ({type(error).__name__})")

    def _translate(self, error: DBAPIError) -> Exception:
        """What the driver says, as something to act on. A programming error stays what it is."""
        # libpq explains itself over several lines; ours is one
        said = " ".join(str(error.orig).split())
        if _rejects_a_value(error):
            return self._rejection(error.orig or error)
        if isinstance(error, OperationalError) or error.connection_invalidated or "not a database" in said:
            if "not a database" in said:
                return SettingsError(f"STORE: {self.name} is not a store ({said}); name another file")
            # before the first statement went through, the setting is to blame; later, the disk or the server
            if not self._reached:
                return SettingsError(f"STORE: cannot open {self.name}: {said}")
            return StoreUnavailable(
                f"the store {self.name} stopped answering: {said}; free space or mend it, then run again"
            )
        return error

    def _sqlite(self) -> sa.Engine:
        if self._url.database and self._url.database != ":memory:":
            _make_folder(Path(self._url.database).parent)
        # hidden parameters: verbatims are among them, and an error must not quote one
        engine = sa.create_engine(self._url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgres(self) -> sa.Engine:
        url = self._url.set(drivername="postgresql+psycopg")
        # pre-ping: after a restart of the server each pooled connection would fail its next statement;
        # connect_timeout: libpq would wait for ever for a host that drops packets
        return sa.create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": 10})


def _rejects_a_value(error: DBAPIError) -> bool:
    """Whether a value is to blame: of the wrong kind, or beyond a limit (SQLSTATE class 54) such as an index's."""
    return isinstance(error, DataError) or str(getattr(error.orig, "sqlstate", None) or "").startswith("54")


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT of the connection's own dialect, which may say ON CONFLICT."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def insert_ignoring(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that leaves an existing row as it is."""
    return insert(connection, table).on_conflict_do_nothing()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"STORE: cannot make the folder {folder}: {error.strerror}") from None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        # FULL: an answer that is paid for must survive a power cut; group commit keeps it cheap
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
