"""What a run came to, grouped by the database: a report reads some hundred rows, however many verbatims there are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.records import Outcome
from pipeline.store.counts import read_by
from pipeline.store.database import Database
from pipeline.store.predicates import ANALYSED
from pipeline.store.spending import spent_on
from pipeline.store.tables import analyses, answers, attempts, runs, texts, totals
from pipeline.store.totals import Total

MINUTE, SECOND = len("2026-01-01T00:00"), len("2026-01-01T00:00:00")
DAY = len("2026-01-01")
QUOTES_READ = 2000
"""New topics that are read at most: many more would be a reference base that fits nothing."""


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run as it was noted."""

    run_id: str
    mode: str
    input: str
    day: str | None
    started_at: str
    ended_at: str | None


@dataclass(frozen=True, slots=True)
class Feelings:
    """How many verbatims of one source and day of writing have one sentiment."""

    source: str
    day: str
    """Of writing, or, where the source does not say, the day on which it was first seen."""
    sentiment: str
    verbatims: int


@dataclass(frozen=True, slots=True)
class Said:
    """Words of a verbatim, and whose they are."""

    text_id: int
    source: str
    words: str


@dataclass(frozen=True, slots=True)
class NewTopicSaid:
    """A topic outside the reference base as one analysis named it."""

    label: str
    definition: str
    quote: Said | None
    """None once its verbatim is erased."""


@dataclass(frozen=True, slots=True)
class CallsTimed:
    """How many attempts that were sent in one minute, or one second, took how long."""

    sent: str
    """ISO, without what is shorter."""
    bucket: int
    """Index of the first bound that they do not exceed; as many as there are bounds for longer ones."""
    outcome: str
    calls: int


@dataclass(frozen=True, slots=True)
class CallShown:
    """One attempt."""

    attempt_id: int
    sent_at: str
    duration_s: float
    outcome: str
    reason: str | None
    """What was wrong with the answer, or the error."""
    retried: str | None
    model: str
    input_tokens: int
    cached_tokens: int | None
    output_tokens: int
    cost_usd: float
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Paid:
    """What the attempts of one model with one outcome came to. input_tokens holds the cached ones."""

    model: str
    outcome: str
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    thinking_tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class RunPaid:
    """What one of the latest runs has cost."""

    run_id: str
    started_at: str
    calls: int
    cost_usd: float


class RunFacts:
    """Reads; writes nothing. Each method looks at the store as it is now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, run_id: str) -> RunShown:
        """A run that exists."""
        query = sa.select(*(runs.c[name] for name in RunShown.__slots__)).where(runs.c.run_id == run_id)
        [found] = self._rows(query)
        return RunShown(*found)

    def analysers(self, run_id: str) -> list[tuple[str, str]]:
        """Model and version of the prompt of the answers to what the run has read."""
        query = sa.select(answers.c.model, answers.c.prompt_version).select_from(_ANSWERED).where(_read(run_id))
        return [(model, prompt) for model, prompt in self._rows(query.distinct().order_by("model", "prompt_version"))]

    def feelings(self, run_id: str) -> list[Feelings]:
        """By source, day and sentiment."""
        day = sa.func.substr(sa.func.coalesce(texts.c.written_at, texts.c.seen_on), 1, DAY).label("day")
        by = (texts.c.source, day, answers.c.sentiment)
        query = sa.select(*by, sa.func.count()).select_from(_ANSWERED).where(_read(run_id)).group_by(*by)
        return [Feelings(*found) for found in self._rows(query)]

    def topics(self, run_id: str) -> list[tuple[Sequence[str], str, int]]:
        """Topics, sentiment and how many verbatims have just these."""
        by = (answers.c.topics, answers.c.sentiment)
        query = sa.select(*by, sa.func.count()).select_from(_ANSWERED).where(_read(run_id)).group_by(*by)
        return [(json.loads(topics), sentiment, n) for topics, sentiment, n in self._rows(query)]

    def summaries(self, run_id: str, topic: str, limit: int) -> list[Said]:
        """Summaries of the latest verbatims with a topic, erased ones left out."""
        # topics are ids without quotes, backslashes, % or _ that would match more than themselves
        named = answers.c.topics.contains(f'"{topic}"', autoescape=True)
        query = (
            sa.select(texts.c.text_id, texts.c.source, answers.c.summary)
            .select_from(_ANSWERED)
            .where(_read(run_id), named, answers.c.summary != "", ~texts.c.erased)
            .order_by(texts.c.text_id.desc())
            .limit(limit)
        )
        return [Said(*found) for found in self._rows(query)]

    def new_topics(self, run_id: str) -> Iterator[NewTopicSaid]:
        """Each as often as an analysis names it, the latest first."""
        query = (
            sa.select(texts.c.text_id, texts.c.source, texts.c.erased, answers.c.new_topics)
            .select_from(_ANSWERED)
            .where(_read(run_id), answers.c.new_topics != "[]")
            .order_by(texts.c.text_id.desc())
            .limit(QUOTES_READ)
        )
        for found in self._rows(query):
            for topic in json.loads(found.new_topics):
                gone = found.erased or not topic["quote"]
                quote = None if gone else Said(found.text_id, found.source, topic["quote"])
                yield NewTopicSaid(topic["label"], topic["definition"], quote)

    def timed(self, run_id: str, bounds: Sequence[float]) -> list[CallsTimed]:
        """Attempts by when they were sent, bucket of these upper bounds in seconds, and outcome.

        By the minute; by the second in a run of up to ten minutes.
        """
        ends = sa.select(sa.func.min(attempts.c.sent_at), sa.func.max(attempts.c.sent_at))
        [(first, last)] = self._rows(ends.where(attempts.c.run_id == run_id))
        sent = sa.func.substr(attempts.c.sent_at, 1, _precision(first, last)).label("sent")
        whens = [(attempts.c.duration_s <= bound, number) for number, bound in enumerate(bounds)]
        bucket = sa.case(*whens, else_=len(bounds)).label("bucket")
        by = (sent, bucket, attempts.c.outcome)
        # labels: Postgres takes two equal expressions with parameters for different ones
        grouped = ("sent", "bucket", attempts.c.outcome)
        query = sa.select(*by, sa.func.count()).where(attempts.c.run_id == run_id).group_by(*grouped).order_by("sent")
        return [CallsTimed(*found) for found in self._rows(query)]

    def slowest(self, run_id: str, limit: int) -> list[CallShown]:
        """The slowest attempts, whatever their outcome."""
        return self._calls(run_id, attempts.c.duration_s.desc(), limit)

    def latest_failed(self, run_id: str, limit: int) -> list[CallShown]:
        """The latest attempts without a valid answer."""
        return self._calls(run_id, attempts.c.sent_at.desc(), limit, attempts.c.outcome != Outcome.ANALYSED.value)

    def paid(self, run_id: str) -> list[Paid]:
        """What the run's attempts came to, by model and outcome."""
        sums = [
            sa.func.coalesce(sa.func.sum(attempts.c[name]), 0)
            for name in ("input_tokens", "cached_tokens", "output_tokens", "thinking_tokens", "cost_usd")
        ]
        by = (attempts.c.model, attempts.c.outcome)
        query = sa.select(*by, sa.func.count(), *sums).where(attempts.c.run_id == run_id).group_by(*by).order_by(*by)
        return [
            Paid(model, outcome, int(calls), int(given), int(cached), int(made), int(thought), float(usd))
            for model, outcome, calls, given, cached, made, thought, usd in self._rows(query)
        ]

    def waited_s(self, run_id: str) -> float:
        """How long a live call of the run waited for the rate limit, on average; 0 where there was none."""
        mean = sa.func.avg(sa.func.coalesce(attempts.c.waited_s, 0.0))
        [(found,)] = self._rows(sa.select(mean).where(attempts.c.run_id == run_id, attempts.c.batch.is_(None)))
        return float(found or 0.0)

    def spent_on(self, day: str | None = None) -> float:
        """What all runs have spent and reserved on a UTC day, in USD; today if none is given."""
        with self._database.read() as connection:
            return spent_on(connection, day)

    def recent(self, run_id: str, limit: int) -> list[RunPaid]:
        """That run and those that began before it, from the oldest."""
        began = sa.select(runs.c.started_at).where(runs.c.run_id == run_id).scalar_subquery()
        latest = sa.select(runs.c.run_id, runs.c.started_at).where(runs.c.started_at <= began)
        # limited before the join: or the totals of all runs would be added up
        these = latest.order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(limit).subquery()
        calls = sa.case((totals.c.name == Total.ATTEMPTS.value, totals.c.n), else_=0)
        cost = sa.case((totals.c.name == Total.COST_USD.value, totals.c.amount), else_=0.0)
        query = (
            sa.select(these.c.run_id, these.c.started_at, sa.func.sum(calls), sa.func.sum(cost))
            .select_from(these.outerjoin(totals, totals.c.run_id == these.c.run_id))
            .group_by(these.c.run_id, these.c.started_at)
            .order_by(these.c.started_at, these.c.run_id)
        )
        return [RunPaid(run, started, int(n or 0), float(usd or 0)) for run, started, n, usd in self._rows(query)]

    def erased_among(self, text_ids: Iterable[int]) -> set[int]:
        """Those of these texts whose words are gone."""
        query = sa.select(texts.c.text_id).where(texts.c.text_id.in_(list(text_ids)), texts.c.erased)
        return {found.text_id for found in self._rows(query)}

    def _calls(self, run_id: str, order: Any, limit: int, *conditions: sa.ColumnElement[bool]) -> list[CallShown]:
        shown: dict[str, sa.ColumnElement[Any]] = {
            name: attempts.c[name] for name in CallShown.__slots__ if name != "reason"
        }
        shown["reason"] = sa.func.coalesce(attempts.c.json_error, attempts.c.error).label("reason")
        query = (
            sa.select(*shown.values())
            .where(attempts.c.run_id == run_id, *conditions)
            .order_by(order, attempts.c.attempt_id)
            .limit(limit)
        )
        return [CallShown(**found._mapping) for found in self._rows(query)]

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        with self._database.read() as connection:
            return connection.execute(query).all()


_ANSWERED = texts.join(analyses, analyses.c.analysis_id == texts.c.current).join(
    answers, answers.c.request_key == analyses.c.request_key
)


def _read(run_id: str) -> sa.ColumnElement[bool]:
    """What the run has read and somebody has answered."""
    return texts.c.text_id.in_(read_by(run_id)) & ANALYSED


def _precision(first: str | None, last: str | None) -> int:
    """How many characters of an instant tell calls of a run apart."""
    if first is None or last is None:
        return MINUTE
    return SECOND if datetime.fromisoformat(last) - datetime.fromisoformat(first) < timedelta(minutes=10) else MINUTE
