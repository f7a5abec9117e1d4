"""Labels: what people say of analysed texts, to compare analysers with; without words of their own."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from pipeline.records import Sentiment
from pipeline.store.database import Database
from pipeline.store.model_tables import labels
from pipeline.store.predicates import LATEST
from pipeline.store.tables import analyses, answers, attempts, texts

_MANY = 500
"""Ids in one statement."""


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text that a person has judged."""

    text_id: int
    sentiment: Sentiment
    topics: frozenset[str] | None
    """None where the person left them open."""
    stratum: str
    weight: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What an analyser says of a text."""

    sentiment: Sentiment | None
    """None where it has finally failed."""
    topics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A text of a sample."""

    verbatim_id: str
    source: str
    text: str
    sentiment: Sentiment
    """As the current analysis has it."""


class Labels:
    """The labels of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def strata(self, since: date | None = None, source: str | None = None) -> dict[tuple[str, Sentiment], int]:
        """(source, current sentiment) → analysed verbatims whose words are there.

        Those first seen since that UTC day, of that source; all by default.
        """
        stratum = (texts.c.source, answers.c.sentiment)
        query = _wanted(_current(*stratum, sa.func.count()), since, source).group_by(*stratum)
        with self._database.read() as connection:
            return {(source, Sentiment(one)): int(n) for source, one, n in connection.execute(query)}

    def draw(self, sizes: Mapping[tuple[str, Sentiment], int], seed: int, since: date | None = None) -> list[Drawn]:
        """A random sample of so many texts per stratum, in random order."""
        drawn: list[Drawn] = []
        for (source, sentiment), size in sorted(sizes.items()):
            query = _wanted(_current(texts.c.text_id), since, source).where(answers.c.sentiment == sentiment)
            with self._database.read() as connection:
                there = list(connection.execute(query.order_by(texts.c.text_id)).scalars())
            chosen = random.Random(f"{seed} {source} {sentiment}").sample(there, min(size, len(there)))
            drawn += [Drawn(one.verbatim_id, source, one.text, sentiment) for one in self._texts(chosen)]
        random.Random(seed).shuffle(drawn)
        return drawn

    def known(self, verbatim_ids: Collection[str]) -> dict[str, tuple[int, str | None]]:
        """Verbatim → its latest text's number and words; None for words that are erased."""
        found: dict[str, tuple[int, str | None]] = {}
        wanted = sorted(verbatim_ids)
        for at in range(0, len(wanted), _MANY):
            query = sa.select(texts.c.verbatim_id, texts.c.text_id, texts.c.text).where(
                texts.c.verbatim_id.in_(wanted[at : at + _MANY])
            )
            with self._database.read() as connection:
                rows = connection.execute(query.order_by(texts.c.text_id)).all()
            found |= {one.verbatim_id: (one.text_id, one.text) for one in rows}
        return found

    def replace(self, person: str, given: Sequence[LabelledText]) -> int:
        """Keep these labels of a person and no earlier ones; returns how many texts have lost theirs."""
        today = datetime.now(UTC).date().isoformat()
        rows = [
            {
                "text_id": one.text_id,
                "person": person,
                "sentiment": one.sentiment.value,
                "topics": None if one.topics is None else json.dumps(sorted(one.topics)),
                "stratum": one.stratum,
                "weight": one.weight,
                "labelled_on": today,
            }
            for one in given
        ]
        mine = labels.c.person == person
        with self._database.write() as connection:
            before = set(connection.execute(sa.select(labels.c.text_id).where(mine)).scalars())
            connection.execute(sa.delete(labels).where(mine))
            if rows:
                connection.execute(sa.insert(labels), rows)
        return len(before - {one.text_id for one in given})

    def of(self, person: str) -> list[LabelledText]:
        """A person's labels."""
        query = sa.select(labels).where(labels.c.person == person).order_by(labels.c.text_id)
        with self._database.read() as connection:
            return [
                LabelledText(
                    one.text_id,
                    Sentiment(one.sentiment),
                    None if one.topics is None else frozenset(json.loads(one.topics)),
                    one.stratum,
                    one.weight,
                )
                for one in connection.execute(query)
            ]

    def people(self) -> dict[str, int]:
        """Person → labels."""
        query = sa.select(labels.c.person, sa.func.count()).group_by(labels.c.person).order_by(labels.c.person)
        with self._database.read() as connection:
            return {person: int(n) for person, n in connection.execute(query)}

    def answered(self, analyser: str, text_ids: Sequence[int]) -> dict[int, Answered]:
        """What an analyser has said of these texts, as far as it was asked."""
        found: dict[int, Answered] = {}
        for at in range(0, len(text_ids), _MANY):
            query = (
                sa.select(analyses.c.text_id, answers.c.sentiment, answers.c.topics)
                .outerjoin(answers, answers.c.request_key == analyses.c.request_key)
                .where(analyses.c.analyser == analyser, analyses.c.text_id.in_(text_ids[at : at + _MANY]))
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            for one in rows:
                sentiment = Sentiment(one.sentiment) if one.sentiment else None
                found[one.text_id] = Answered(sentiment, frozenset(json.loads(one.topics or "[]")))
        return found

    def current(self, text_ids: Sequence[int]) -> dict[int, tuple[str, Sentiment]]:
        """Text → its source and the sentiment that the warehouse's row has."""
        found: dict[int, tuple[str, Sentiment]] = {}
        for at in range(0, len(text_ids), _MANY):
            query = _current(texts.c.text_id, texts.c.source, answers.c.sentiment)
            with self._database.read() as connection:
                rows = connection.execute(query.where(texts.c.text_id.in_(text_ids[at : at + _MANY]))).all()
            found |= {one.text_id: (one.source, Sentiment(one.sentiment)) for one in rows}
        return found

    def usd_per_answer(self, analyser: str) -> float | None:
        """What an analysed text has cost on average, retries included; None where nothing was paid."""
        query = sa.select(sa.func.sum(attempts.c.cost_usd), sa.func.count(attempts.c.text_id.distinct())).where(
            attempts.c.analyser == analyser, attempts.c.purpose.is_(None), attempts.c.input_tokens > 0
        )
        with self._database.read() as connection:
            usd, asked = connection.execute(query).one()
        return float(usd) / asked if asked else None

    def _texts(self, ids: Sequence[int]) -> Sequence[Any]:
        found: list[Any] = []
        for at in range(0, len(ids), _MANY):
            query = sa.select(texts.c.verbatim_id, texts.c.text).where(texts.c.text_id.in_(ids[at : at + _MANY]))
            with self._database.read() as connection:
                found += connection.execute(query.order_by(texts.c.text_id)).all()
        return found


def drop_labels(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Labels of texts whose words go: nobody can check them any more."""
    connection.execute(sa.delete(labels).where(labels.c.text_id.in_(ids)))


def _wanted(query: sa.Select[Any], since: date | None, source: str | None) -> sa.Select[Any]:
    query = query.where(texts.c.text.is_not(None))
    if since is not None:
        query = query.where(texts.c.seen_on >= since.isoformat())
    return query if source is None else query.where(texts.c.source == source)


def _current(*columns: Any) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .join_from(texts, analyses, analyses.c.analysis_id == texts.c.current)
        .join(answers, answers.c.request_key == analyses.c.request_key)
        .where(LATEST)
    )
