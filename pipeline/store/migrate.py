"""Brings a store to the schema of this code: builds a new one, upgrades an older one, refuses a newer one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from pipeline.claiming import LEASE_S
from pipeline.errors import SettingsError
from pipeline.store.database import Database, Turn
from pipeline.store.holders import Witness, living_claims

HEAD = "0012"
"""The revision this code works with; a test compares it with `migrations/`."""


WAIT_S = LEASE_S + 5
"""How long an upgrade waits for processes that ask Claude for the older store."""

LOOK_AGAIN_S = 0.5

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database, head: str = HEAD, scripts: Path = SCRIPTS) -> None:
    """Leave the store at `head`.

    Two processes that start at once on a new store build it once. Before an upgrade the store is backed up:
    beside the file for SQLite, in a schema of its own for Postgres.

    Raises SettingsError when the store was made by newer code, and when a process still works on the older store.
    """
    with database.read() as connection:
        found = revision(connection)
    if found == head:
        return
    refuse_newer(database, found, head)
    database.require_writable()
    witness = Witness(database)
    if found is not None:
        _wait_for_claims(database, witness)
    with database.exclusive(Turn.UPGRADING):
        _bring_to(database, witness, head, scripts)


def _bring_to(database: Database, witness: Witness, head: str, scripts: Path) -> None:
    """One process does this at a time: another would overwrite the backup with a store that is upgraded."""
    with database.read() as connection:
        found = revision(connection)
    if found is not None and found != head and database.sqlite:
        # SQLite cannot be copied inside the upgrade's own transaction, so the copy is made just before it
        database.copy_to(Path(f"{database.engine.url.database}.before-{head}"))
    with database.upgrade() as connection:
        found = revision(connection)
        if found == head:  # another process was quicker
            return
        if found is not None and (working := living_claims(database, witness, connection)):
            raise _refusal(database, working)  # a process has begun to work on it since
        if found is not None and not database.sqlite:
            _backup_schema(connection, head)
        if found is None and sa.inspect(connection).has_table("runs"):
            raise SettingsError(f"STORE: {database.name} belongs to something else (it has a table runs): name another")
        _upgrade(connection, head, scripts)


def revision(connection: sa.Connection) -> str | None:
    """The schema a store has, or None where there is none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _wait_for_claims(database: Database, witness: Witness) -> None:
    """Wait somewhat longer than a lease for processes that work on the older store."""
    deadline = time.monotonic() + WAIT_S
    while True:
        with database.read() as connection:
            working = living_claims(database, witness, connection)
        if not working:
            return
        if time.monotonic() >= deadline:
            raise _refusal(database, working)
        time.sleep(LOOK_AGAIN_S)


def _refusal(database: Database, working: Sequence[str]) -> SettingsError:
    return SettingsError(
        f"STORE: {database.name} is of an older version, and {', '.join(working)} still works on it: "
        "let it end or end it, then run again"
    )


def refuse_newer(database: Database, found: str | None, head: str = HEAD) -> None:
    """Raises SettingsError where newer code has made the store."""
    if found is not None and found > head:
        raise SettingsError(
            f"STORE: {database.name} has schema {found}, this version of verbatims knows up to {head}: "
            "install the newer version, or name another store"
        )


def _backup_schema(connection: sa.Connection, head: str) -> None:
    """On Postgres a copy of each table in a schema of its own, in the same transaction as the upgrade."""
    schema = f"before_{head}"
    if schema in sa.inspect(connection).get_schema_names():
        raise SettingsError(
            f"STORE: schema {schema}, the backup of an earlier upgrade, is still there: "
            "rename or drop it, then run again"
        )
    connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    for table in sa.inspect(connection).get_table_names():
        connection.exec_driver_sql(f'CREATE TABLE {schema}."{table}" AS TABLE "{table}"')


def _upgrade(connection: sa.Connection, head: str, scripts: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, head)
