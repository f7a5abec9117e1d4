"""The sentinel: texts that are asked again each week past the answers that are stored, and what came of it.

Its answers decide nothing and count nothing of a verbatim; they are compared with the accepted ones, and without words.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.records import AnalyserRecord
from pipeline.store.analysers import note_analyser
from pipeline.store.database import Database, Turn
from pipeline.store.model_tables import sentinel, sentinel_answers
from pipeline.store.predicates import GOOD, LATEST
from pipeline.store.tables import analysers, analyses, answers, run_records, runs, texts

WEEKLY, ACCEPTANCE, RETIRED = "sentinel", "acceptance", "retired"
"""Purposes of runs, attempts and claims; retired ones are of a set that was replaced."""


@dataclass(frozen=True, slots=True)
class Flips:
    """What asking again came to."""

    run_id: str
    asked_at: str
    asked: int
    """Texts with a good answer."""
    flips: int
    """Of them, those with another sentiment than the accepted one."""


@dataclass(frozen=True, slots=True)
class SentinelRun:
    """A run that asks the set."""

    run_id: str
    started_at: datetime
    has_ended: bool


@dataclass(frozen=True, slots=True)
class SentinelSet:
    """The texts that are asked again."""

    series: str
    """Of the analysers whose answers were accepted."""
    texts: int
    pairs: Flips
    """All answers of the acceptance together: the second, third … answer against the first."""


class Sentinel:
    """The sentinel set of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def strata(self, series: str) -> dict[tuple[str, str], int]:
        """(source, sentiment) → verbatims with words whose current answer is of this series."""
        stratum = (texts.c.source, answers.c.sentiment)
        query = _candidates(series, *stratum, sa.func.count()).group_by(*stratum)
        with self._database.read() as connection:
            return {(source, sentiment): int(n) for source, sentiment, n in connection.execute(query)}

    def draw(self, series: str, sizes: Mapping[tuple[str, str], int], seed: int, rounds: int = 0) -> int:
        """Replace the set by a new one of so many texts per stratum; returns how many it has.

        One of this series that was asked fewer than `rounds` times stays: another process is about to accept it.
        """
        chosen: list[dict[str, Any]] = []
        with self._database.write() as connection:
            self._database.take_turns(connection, Turn.SENTINEL)
            if there := _being_accepted(connection, series, rounds):
                return there
            connection.execute(sa.delete(sentinel))
            before = sa.update(runs).where(runs.c.purpose.in_([WEEKLY, ACCEPTANCE]))
            connection.execute(before.values(purpose=RETIRED))
            for (source, sentiment), size in sorted(sizes.items()):
                found = _in_stratum(connection, series, source, sentiment)
                drawn = random.Random(f"{seed} {source} {sentiment}").sample(found, min(size, len(found)))
                chosen += [_row(text_id, source, sentiment, series) for text_id in drawn]
            if chosen:
                connection.execute(sa.insert(sentinel), chosen)
        return len(chosen)

    def start(self, run_id: str, analyser: AnalyserRecord, purpose: str, most: int | None = None) -> str | None:
        """Make a begun run ask the set. Where another process was faster, that run goes on and this one is deleted.

        Returns the run that asks; None where `most` runs of this purpose have ended already.
        """
        numbered = sa.select(sentinel.c.text_id).join(texts, texts.c.text_id == sentinel.c.text_id)
        found = numbered.where(texts.c.text.is_not(None), LATEST).subquery()
        rows = sa.select(sa.literal(run_id), sa.func.row_number().over(order_by=found.c.text_id), found.c.text_id)
        with self._database.write() as connection:
            self._database.take_turns(connection, Turn.SENTINEL)
            there = _runs(connection, purpose)
            open_ones = [one.run_id for one in there if not one.has_ended]
            if open_ones or (most is not None and len(there) >= most):
                connection.execute(sa.delete(runs).where(runs.c.run_id == run_id))
                return open_ones[-1] if open_ones else None
            note_analyser(connection, analyser)
            mine = sa.update(runs).where(runs.c.run_id == run_id)
            connection.execute(mine.values(analyser=analyser.fingerprint, purpose=purpose))
            connection.execute(sa.insert(run_records).from_select(["run_id", "position", "text_id"], rows))
        return run_id

    def runs(self, purpose: str) -> list[SentinelRun]:
        """Runs that ask the set, the oldest first."""
        with self._database.read() as connection:
            return _runs(connection, purpose)

    def words(self, series: str, limit: int) -> tuple[list[str], float]:
        """Some of the texts that may be drawn, and how many characters one has on average; for an estimate."""
        with self._database.read() as connection:
            some = _candidates(series, texts.c.text).order_by(texts.c.text_id).limit(limit)
            mean = connection.execute(_candidates(series, sa.func.avg(texts.c.characters))).scalar()
            return list(connection.execute(some).scalars()), float(mean or 0)

    def set(self) -> SentinelSet | None:
        """The set as it is; None where none was drawn."""
        with self._database.read() as connection:
            found = connection.execute(
                sa.select(sentinel.c.series, sa.func.count()).group_by(sentinel.c.series)
            ).first()
            if found is None:
                return None
            accepted = _asked(connection, found.series, ACCEPTANCE)
        total = Flips("", "", sum(one.asked for one in accepted), sum(one.flips for one in accepted))
        return SentinelSet(found.series, int(found[1]), total)

    def last(self, series: str) -> Flips | None:
        """The latest week's question that was answered; None before the first."""
        with self._database.read() as connection:
            return next(iter(_asked(connection, series, WEEKLY)), None)


def unanswered_by_sentinel(run_id: str) -> sa.ColumnElement[bool]:
    """A text of a run of the sentinel that waits for its answer."""
    done = sa.exists().where(sentinel_answers.c.run_id == run_id, sentinel_answers.c.text_id == texts.c.text_id)
    return texts.c.text.is_not(None) & LATEST & ~done


def replace_erased(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Texts whose words go leave the set, and others of the same stratum take their places where there are any."""
    stratum = (sentinel.c.source, sentinel.c.accepted, sentinel.c.series)
    gone = connection.execute(sa.delete(sentinel).where(sentinel.c.text_id.in_(ids)).returning(*stratum)).all()
    for (source, accepted, series), number in sorted(Counter(map(tuple, gone)).items()):
        there = set(connection.execute(sa.select(sentinel.c.text_id)).scalars()) | set(ids)
        free = [one for one in _in_stratum(connection, series, source, accepted) if one not in there]
        drawn = random.Random(number).sample(free, min(number, len(free)))
        if drawn:
            rows = [_row(text_id, source, accepted, series) for text_id in drawn]
            connection.execute(sa.insert(sentinel), rows)


def _runs(connection: sa.Connection, purpose: str) -> list[SentinelRun]:
    query = sa.select(runs.c.run_id, runs.c.started_at, runs.c.ended_at).where(runs.c.purpose == purpose)
    found = connection.execute(query.order_by(runs.c.started_at, runs.c.run_id))
    return [SentinelRun(id, datetime.fromisoformat(at), ended is not None) for id, at, ended in found]


def _being_accepted(connection: sa.Connection, series: str, rounds: int) -> int:
    """How many texts a set of this series has that was asked fewer times; 0 where there is no such set."""
    if sum(one.has_ended for one in _runs(connection, ACCEPTANCE)) >= rounds:
        return 0
    mine = sa.select(sa.func.count()).select_from(sentinel).where(sentinel.c.series == series)
    return int(connection.execute(mine).scalar_one())


def _row(text_id: int, source: str, accepted: str, series: str) -> dict[str, Any]:
    return {"text_id": text_id, "source": source, "accepted": accepted, "series": series}


def _candidates(series: str, *columns: Any) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .join_from(texts, analyses, analyses.c.analysis_id == texts.c.current)
        .join(analysers, analysers.c.analyser == analyses.c.analyser)
        .join(answers, answers.c.request_key == analyses.c.request_key)
        .where(analysers.c.series == series, texts.c.text.is_not(None), LATEST)
    )


def _in_stratum(connection: sa.Connection, series: str, source: str, sentiment: str) -> list[int]:
    query = _candidates(series, texts.c.text_id).where(texts.c.source == source, answers.c.sentiment == sentiment)
    return list(connection.execute(query.order_by(texts.c.text_id)).scalars())


def _asked(connection: sa.Connection, series: str, purpose: str) -> list[Flips]:
    """Runs of this purpose, the latest first."""
    good = sentinel_answers.c.outcome == GOOD
    other = good & (sentinel_answers.c.sentiment != sentinel_answers.c.accepted)
    query = (
        sa.select(runs.c.run_id, runs.c.started_at)
        .add_columns(*(sa.func.sum(sa.case((which, 1), else_=0)) for which in (good, other)))
        .join(sentinel_answers, sentinel_answers.c.run_id == runs.c.run_id)
        .join(analysers, analysers.c.analyser == runs.c.analyser)
        .where(runs.c.purpose == purpose, analysers.c.series == series)
        .group_by(runs.c.run_id, runs.c.started_at)
        .order_by(runs.c.started_at.desc(), runs.c.run_id.desc())
    )
    return [Flips(run_id, at, int(asked), int(flips)) for run_id, at, asked, flips in connection.execute(query)]
