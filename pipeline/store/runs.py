"""Runs: one for each time the work begins, or one for a day; and what each came to."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime

import sqlalchemy as sa

from pipeline.errors import SettingsError
from pipeline.records import AnalyserRecord, LoadError
from pipeline.store.analysers import find_analyser
from pipeline.store.counts import RowCounts, RunCounts, count_held, count_rows, count_run, too_long
from pipeline.store.database import Database, Turn, insert_ignoring
from pipeline.store.failures import Failure, failures
from pipeline.store.tables import runs
from pipeline.store.totals import Tally, Total, fold


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
            self._database.take_turns(connection, Turn.FOLDING)
            fold(connection)  # what stopped runs have counted, too

    def is_known(self, run_id: str) -> bool:
        """Whether the store has a run of that id."""
        with self._database.read() as connection:
            return connection.execute(sa.select(runs.c.run_id).where(runs.c.run_id == run_id)).first() is not None

    def started_at(self, run_id: str) -> str | None:
        """When it began, UTC; None where there is no such run."""
        with self._database.read() as connection:
            return connection.execute(sa.select(runs.c.started_at).where(runs.c.run_id == run_id)).scalar()

    def find(self, run_id: str | None, option: str = "--run") -> str:
        """The run of that id, or the one begun last. Raises SettingsError, naming the option, where there is none."""
        query = sa.select(runs.c.run_id).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(1)
        query = query.where(runs.c.purpose.is_(None) if run_id is None else runs.c.run_id == run_id)
        with self._database.read() as connection:
            found: str | None = connection.execute(query).scalar()
        if found is None:
            raise SettingsError(
                f"{option}: {self._database.name} has no run {run_id or 'yet'}; `verbatims run` begins one"
            )
        return found

    def analyser(self, run_id: str) -> AnalyserRecord | None:
        """Whom a re-analysis asks; None for every other run."""
        with self._database.read() as connection:
            asked = connection.execute(sa.select(runs.c.analyser).where(runs.c.run_id == run_id)).scalar()
            return find_analyser(connection, asked) if asked else None

    def count(self, run_id: str) -> RunCounts:
        """Correct at any moment, while other processes work on the run too."""
        with self._database.read() as connection:
            return count_run(connection, run_id)

    def count_rows(self, run_id: str) -> RowCounts:
        """What should be in the warehouse."""
        with self._database.read() as connection:
            return count_rows(connection, run_id)

    def count_held(self, run_id: str) -> int:
        """How many of the analysed verbatims that the run has read the warehouse holds."""
        with self._database.read() as connection:
            return count_held(connection, run_id)

    def failures(self, run_id: str) -> list[Failure]:
        """The run's failed records in the order they were read, then its dead letters; texts are not among them."""
        with self._database.read() as connection:
            return failures(connection, run_id)

    def too_long(self, run_id: str, limit: int) -> list[int]:
        """The places of texts that this run's input holds and that were skipped for their length."""
        with self._database.read() as connection:
            return too_long(connection, run_id, limit)

    def note_load(self, run_id: str, refused: int) -> None:
        """A load of the run came to its end; so many rows were refused."""
        self._note_load(run_id, LoadError.ROW_REFUSED, refused, failed=sa.literal(0))

    def note_failed_load(self, run_id: str) -> None:
        """A whole load did not reach the warehouse."""
        self._note_load(run_id, LoadError.JOB_FAILED, 1, failed=runs.c.failed_loads + 1)

    def _note_load(self, run_id: str, reason: LoadError, errors: int, failed: sa.ColumnElement[int]) -> None:
        tally = Tally()
        if errors:
            tally.add(Total.LOAD_ERRORS, reason.value, n=errors)
        with self._database.write() as connection:
            connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(failed_loads=failed))
            tally.write(connection, run_id, self._database.process)

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
