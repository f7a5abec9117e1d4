"""Brings a store to the schema of this code: builds a new one, upgrades an older one, refuses a newer one."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from pipeline.errors import SettingsError
from pipeline.store.database import Database

HEAD = "0001"
"""The revision this code works with; a test compares it with `migrations/`."""


def migrate(database: Database) -> None:
    """Leave the store at HEAD.

    Two processes that start at once on a new store build it once. Before an upgrade the store is backed up:
    beside the file for SQLite, in a schema of its own for Postgres.

    Raises SettingsError when the store was made by newer code.
    """
    with database.read() as connection:
        if _revision(connection) == HEAD:
            return
    _backup_file(database)
    with database.write() as connection:
        if not database.sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(716327)")
        revision = _revision(connection)
        if revision == HEAD:
            return
        _refuse_newer(revision, database)
        if revision is not None and not database.sqlite:
            _backup_schema(connection, revision)
        _upgrade(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _refuse_newer(revision: str | None, database: Database) -> None:
    if revision is not None and revision > HEAD:
        raise SettingsError(
            f"STORE: {database.name} has schema {revision}, this version of verbatims knows up to {HEAD}: "
            "install the newer version, or name another store"
        )


def _backup_file(database: Database) -> None:
    """SQLite cannot be copied inside the upgrade's own transaction, so the copy is made just before it."""
    if not database.sqlite:
        return
    with database.read() as connection:
        revision = _revision(connection)
        _refuse_newer(revision, database)
    if revision is None:
        return
    target = Path(f"{database.engine.url.database}.before-{HEAD}")
    target.unlink(missing_ok=True)
    raw = database.engine.raw_connection()
    try:
        raw.cursor().execute("VACUUM INTO ?", (str(target),))
    finally:
        raw.close()


def _backup_schema(connection: sa.Connection, revision: str) -> None:
    schema = f"before_{HEAD}"
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for table in sa.inspect(connection).get_table_names():
        connection.exec_driver_sql(f'CREATE TABLE {schema}."{table}" AS TABLE "{table}"')


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
