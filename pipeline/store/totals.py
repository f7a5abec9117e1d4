"""Totals since the first run, for the exporter: computed from what is stored, so that no restart resets them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from pipeline.records import MEDIUM_BELOW, SHORT_BELOW, Length, Outcome
from pipeline.store.database import Database
from pipeline.store.tables import answers, calls, load_errors, topics, verbatims


class StoreTotals:
    """Each method reads the store now, and raises what its database raises.

    Texts that were edited since count as often as they were analysed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def analysed(self) -> Mapping[tuple[str, str], int]:
        """(source, sentiment) → verbatims."""
        query = (
            sa.select(verbatims.c.source, answers.c.sentiment, sa.func.count())
            .join(answers, answers.c.request_key == verbatims.c.answer_key)
            .group_by(verbatims.c.source, answers.c.sentiment)
        )
        return {(source, sentiment): n for source, sentiment, n in self._all(query)}

    def skipped(self) -> Mapping[tuple[str, str], int]:
        """(source, reason) → verbatims."""
        query = (
            sa.select(verbatims.c.source, verbatims.c.reason, sa.func.count())
            .where(verbatims.c.outcome == "skipped")
            .group_by(verbatims.c.source, verbatims.c.reason)
        )
        return {(source, reason): n for source, reason, n in self._all(query)}

    def durations(self) -> Mapping[str, tuple[int, float]]:
        """Outcome → (ended attempts, their seconds)."""
        query = sa.select(calls.c.outcome, sa.func.count(), sa.func.sum(calls.c.duration_s)).group_by(calls.c.outcome)
        return {outcome: (n, float(seconds)) for outcome, n, seconds in self._all(query)}

    def json_errors(self) -> Mapping[str, int]:
        """Reason → unreadable answers."""
        query = (
            sa.select(calls.c.json_error, sa.func.count())
            .where(calls.c.json_error.is_not(None))
            .group_by(calls.c.json_error)
        )
        return {reason: n for reason, n in self._all(query)}

    def empty_responses(self) -> int:
        """Answers without any content."""
        return self._one(sa.select(sa.func.count()).select_from(calls).where(calls.c.outcome == Outcome.EMPTY.value))

    def last_size(self) -> int | None:
        """Masked characters of the verbatim last sent; None before the first."""
        query = (
            sa.select(verbatims.c.characters)
            .join(calls, calls.c.row == verbatims.c.row)
            .order_by(calls.c.sent_at.desc(), calls.c.call.desc())
            .limit(1)
        )
        found = self._all(query)
        return found[0][0] if found else None

    def lengths(self) -> Mapping[str, int]:
        """Length class → verbatims analysed."""
        size = verbatims.c.characters
        short = sa.func.sum(sa.case((size < SHORT_BELOW, 1), else_=0))
        long = sa.func.sum(sa.case((size >= MEDIUM_BELOW, 1), else_=0))
        query = sa.select(sa.func.count(), short, long).where(verbatims.c.outcome == Outcome.ANALYSED.value)
        total, n_short, n_long = self._all(query)[0]
        n_short, n_long = int(n_short or 0), int(n_long or 0)
        return {Length.SHORT: n_short, Length.MEDIUM: total - n_short - n_long, Length.LONG: n_long}

    def new_topics(self) -> int:
        """Themes outside the reference base, each as often as a verbatim names it."""
        return self._one(sa.select(sa.func.count()).select_from(topics))

    def load_errors(self) -> Mapping[str, int]:
        """Reason → rows or jobs that did not reach the warehouse."""
        query = sa.select(load_errors.c.reason, sa.func.count()).group_by(load_errors.c.reason)
        return {reason: n for reason, n in self._all(query)}

    def success_ratio(self) -> float | None:
        """Valid answers ÷ ended attempts of the latest run that has any; None before the first."""
        latest = sa.select(calls.c.run_id).order_by(calls.c.call.desc()).limit(1).scalar_subquery()
        good = sa.func.sum(sa.case((calls.c.outcome == Outcome.ANALYSED.value, 1), else_=0))
        analysed, ended = self._all(sa.select(good, sa.func.count()).where(calls.c.run_id == latest))[0]
        return analysed / ended if ended else None

    def _all(self, query: sa.Executable) -> list[Any]:
        with self._database.read() as connection:
            return list(connection.execute(query).all())

    def _one(self, query: sa.Executable) -> int:
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())
