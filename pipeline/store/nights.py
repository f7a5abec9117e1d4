"""The counts of each night's answers, by source, and the verdicts on the last one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.records import Outcome, Sentiment
from pipeline.store.database import Database
from pipeline.store.model_tables import baselines, nights, verdicts
from pipeline.store.predicates import GOOD
from pipeline.store.tables import analysers, analyses, answers, attempts, runs, texts

_PAGE = 2000

OLDEST_DAYS = 130
"""How far back nights are counted where none was before, as in a store of an older version."""


@dataclass(frozen=True, slots=True)
class PaidRequest:
    """A request that was paid on some UTC day."""

    series: str
    source: str
    day: str
    """To whose night it belongs: that of the call; in a re-analysis that on which the text was first seen."""
    stars: float | None
    language: str | None
    outcome: Outcome
    sentiment: Sentiment | None
    """None, as all that follow, where there was no good answer."""
    summary: str
    """Empty once it is erased."""
    topics: Sequence[str]
    new_topics: Sequence[Mapping[str, Any]]


NightKey = tuple[str, str, str]
"""Series, source, UTC day."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as it is kept."""

    source: str
    signal: str
    sentiment: str
    """Empty where the signal has one share only."""
    night: str
    state: str
    score: float | None
    share: float | None
    expected: float | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The nights of acceptance."""

    first_day: str
    last_day: str


class Nights:
    """The nights of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def to_count(self) -> list[str]:
        """UTC days of calls that are not counted yet, or were counted while they went on."""
        oldest = (datetime.now(UTC) - timedelta(days=OLDEST_DAYS)).date().isoformat()
        with self._database.read() as connection:
            counted = connection.execute(sa.select(sa.func.max(nights.c.sent_on))).scalar()
            day = sa.func.substr(attempts.c.sent_at, 1, len("2026-01-01")).label("day")
            query = sa.select(day).distinct().where(attempts.c.sent_at >= (counted or oldest))
            return sorted(connection.execute(query).scalars())

    def paid_on(self, day: str) -> Iterator[PaidRequest]:
        """The requests of one UTC day that were answered, of whatever run; those of the sentinel are not among them."""
        place = sa.tuple_(attempts.c.sent_at, attempts.c.attempt_id)
        query, after = _paid_query(day).order_by(attempts.c.sent_at, attempts.c.attempt_id).limit(_PAGE), (day, 0)
        while True:
            with self._database.read() as connection:
                page = connection.execute(query.where(place > sa.tuple_(*after))).all()
            if not page:
                return
            yield from map(_paid, page)
            after = (page[-1].sent_at, page[-1].attempt_id)

    def replace(self, sent_on: str, counts: Mapping[NightKey, Mapping[str, Any]]) -> None:
        """Keep what a day's calls came to, in place of what was counted before."""
        rows = [
            {"series": series, "source": source, "day": day, "sent_on": sent_on, "counts": json.dumps(found)}
            for (series, source, day), found in sorted(counts.items())
        ]
        with self._database.write() as connection:
            connection.execute(sa.delete(nights).where(nights.c.sent_on == sent_on))
            if rows:
                connection.execute(sa.insert(nights), rows)

    def of(
        self, series: str, latest: int | None = None, since: str | None = None
    ) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Source → UTC day → counts, one for each day on which calls for that night were made; days in order.

        Only the `latest` nights of each source, and all `since` a day: what is older need not be decoded, 20 µs each.
        """
        place = sa.func.dense_rank().over(partition_by=nights.c.source, order_by=nights.c.day.desc())
        ranked = sa.select(nights, place.label("place")).where(nights.c.series == series).subquery()
        wanted = sa.true() if latest is None else ranked.c.place <= latest
        if since is not None:
            wanted |= ranked.c.day >= since
        query = sa.select(ranked.c.source, ranked.c.day, ranked.c.counts).where(wanted)
        found: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(dict)
        with self._database.read() as connection:
            for source, day, counts in connection.execute(query.order_by(ranked.c.day, ranked.c.sent_on)):
                found[source].setdefault(day, []).append(json.loads(counts))
        return found

    def judge(self, series: str, found: Iterable[Judged], of_signals: Iterable[str]) -> None:
        """Keep what is said of the last nights, in place of all that was said of these signals before."""
        judged_at = datetime.now(UTC).isoformat(timespec="seconds")
        rows = [
            {name: getattr(one, name) for name in Judged.__slots__} | {"series": series, "judged_at": judged_at}
            for one in found
        ]
        before = verdicts.c.signal.in_(list(of_signals))
        with self._database.write() as connection:
            connection.execute(sa.delete(verdicts).where(before))
            if rows:
                connection.execute(sa.insert(verdicts), rows)

    def verdicts(self) -> list[Judged]:
        """What was last said."""
        query = sa.select(*(verdicts.c[name] for name in Judged.__slots__))
        with self._database.read() as connection:
            return [Judged(*one) for one in connection.execute(query.order_by(*verdicts.primary_key))]

    def accept_baseline(self, series: str, baseline: Baseline) -> None:
        """From now on nights are also compared with these."""
        row = {"series": series, "first_day": baseline.first_day, "last_day": baseline.last_day}
        with self._database.write() as connection:
            connection.execute(sa.delete(baselines).where(baselines.c.series == series))
            accepted_at = datetime.now(UTC).isoformat(timespec="seconds")
            connection.execute(sa.insert(baselines), row | {"accepted_at": accepted_at})

    def baseline(self, series: str) -> Baseline | None:
        """The nights of acceptance; None where none were accepted."""
        query = sa.select(baselines.c.first_day, baselines.c.last_day).where(baselines.c.series == series)
        with self._database.read() as connection:
            found = connection.execute(query).first()
        return Baseline(*found) if found else None


def _paid_query(day: str) -> sa.Select[Any]:
    seen_on = sa.case((runs.c.analyser.is_(None), sa.literal(day)), else_=texts.c.seen_on)
    analysed = (
        (analyses.c.text_id == attempts.c.text_id)
        & (analyses.c.analyser == attempts.c.analyser)
        & (attempts.c.outcome == GOOD)
    )
    return (
        sa.select(attempts.c.attempt_id, attempts.c.sent_at, attempts.c.outcome, analysers.c.series)
        .add_columns(texts.c.source, texts.c.rating, texts.c.language, seen_on.label("day"))
        .add_columns(answers.c.sentiment, answers.c.summary, answers.c.topics, answers.c.new_topics)
        .join(texts, texts.c.text_id == attempts.c.text_id)
        .join(analysers, analysers.c.analyser == attempts.c.analyser)
        .join(runs, runs.c.run_id == attempts.c.run_id)
        .outerjoin(analyses, analysed)
        .outerjoin(answers, answers.c.request_key == analyses.c.request_key)
        .where(attempts.c.sent_at >= day, attempts.c.sent_at < _day_after(day), attempts.c.purpose.is_(None))
        .where(attempts.c.outcome != Outcome.FAILED.value)
    )


def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _paid(found: Any) -> PaidRequest:
    return PaidRequest(
        found.series,
        found.source,
        found.day,
        found.rating,
        found.language,
        Outcome(found.outcome),
        Sentiment(found.sentiment) if found.sentiment else None,
        found.summary or "",
        json.loads(found.topics or "[]"),
        json.loads(found.new_topics or "[]"),
    )
