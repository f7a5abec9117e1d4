"""Runs: one for each time the work begins, or one for a day."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime

import sqlalchemy as sa

from pipeline.errors import SettingsError
from pipeline.store.database import Database, insert_ignoring
from pipeline.store.tables import runs


class Runs:
    """The runs of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, mode: str, name: str, day: date | None = None) -> str:
        """Note a run and return its id: a new one, which sorts by time, or the one run of that UTC day.

        `mode` is sandbox or prod. Raises SettingsError where the store was begun in the other.
        """
        started = _now()
        run_id = day_run_id(day) if day else f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        values = {"run_id": run_id, "mode": mode, "input": name, "started_at": started.isoformat()}
        with self._database.write() as connection:
            self._refuse_other_mode(connection, mode)
            connection.execute(insert_ignoring(connection, runs).values(**values, day=str(day) if day else None))
        return run_id

    def set_trace(self, run_id: str, trace_parent: str) -> None:
        """Keep the trace that a run's processes share."""
        with self._database.write() as connection:
            connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(trace_parent=trace_parent))

    def trace(self, run_id: str) -> str | None:
        """Its W3C traceparent, or None where no trace is kept."""
        with self._database.read() as connection:
            return connection.execute(sa.select(runs.c.trace_parent).where(runs.c.run_id == run_id)).scalar()

    def trace_id(self, run_id: str) -> str | None:
        """The 32 hex digits of it by which Tempo finds the run."""
        trace = self.trace(run_id)
        return trace.split("-")[1] if trace else None

    def check_mode(self, mode: str) -> None:
        """Raises SettingsError where the store was begun in the other mode."""
        with self._database.read() as connection:
            self._refuse_other_mode(connection, mode)

    def finish(self, run_id: str) -> None:
        """Note that the run came to its end."""
        with self._database.write() as connection:
            connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(ended_at=_now().isoformat()))

    def find(self, run_id: str | None) -> str:
        """The run of that id, or the one begun last. Raises SettingsError where there is none."""
        query = sa.select(runs.c.run_id).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(1)
        if run_id is not None:
            query = query.where(runs.c.run_id == run_id)
        with self._database.read() as connection:
            found: str | None = connection.execute(query).scalar()
        if found is None:
            raise SettingsError(
                f"--run: {self._database.name} has no run {run_id or 'yet'}; `verbatims run` begins one"
            )
        return found

    def _refuse_other_mode(self, connection: sa.Connection, mode: str) -> None:
        other = connection.execute(sa.select(runs.c.mode).where(runs.c.mode != mode).limit(1)).scalar()
        if other is not None:
            raise SettingsError(
                f"STORE: {self._database.name} was begun with SCRAPER_MODE={other}, now it is {mode}: "
                "name another STORE, so that answers of the sandbox and of Claude never mix"
            )


def day_run_id(day: date) -> str:
    """The one run of a UTC day."""
    return f"day-{day}"


def _now() -> datetime:
    return datetime.now(UTC)
