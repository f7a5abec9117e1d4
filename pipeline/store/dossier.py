"""Everything that the store knows of one verbatim, for whoever wants to understand one answer."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import sqlalchemy as sa

from pipeline.records import AnalyserRecord
from pipeline.store.analysers import find_analyser
from pipeline.store.database import Database
from pipeline.store.deliveries import in_use
from pipeline.store.identity import Identities
from pipeline.store.tables import (
    analysers,
    analyses,
    answers,
    attempts,
    deliveries,
    forgotten,
    run_records,
    texts,
    warehouses,
)

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Asked:
    """One attempt."""

    sent_at: str
    outcome: str
    error: str | None
    json_error: str | None
    retried: str | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int | None
    thinking_tokens: int | None
    cost_usd: float
    duration_s: float
    run_id: str
    trace_id: str | None
    request_key: str | None
    raw: str | None
    """The answer as received; None where nothing was answered, or once the text is erased."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer, which identical texts share."""

    summary: str
    sentiment: str
    topics: Sequence[str]
    new_topics: Sequence[dict[str, Any]]
    analysed_at: str
    trace_id: str | None
    request_key: str
    paid_by: int
    """The text that paid for it: another one's number where the same words were asked before."""


@dataclass(frozen=True, slots=True)
class AnalysisShown:
    """What one analyser was asked about a text, and what came of it."""

    analyser: str
    """Its fingerprint."""
    model: str
    prompt_version: str
    definition: AnalyserRecord | None
    """None where only its name is known."""
    outcome: str | None
    """None while it has neither answered nor finally failed."""
    current: bool
    """Whether the warehouse's row is made of it."""
    answer: Answer | None
    attempts: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class Version:
    """One text of a verbatim: an edited text is another."""

    text_id: int
    text: str | None
    superseded: bool
    erased: bool
    kept: bool
    skip_reason: str | None
    url: str | None
    rating: float | None
    language: str | None
    written_at: str | None
    seen_on: str
    extra: dict[str, Any] | None
    read_in: Sequence[tuple[str, int]]
    """Runs that have read it, and its place in what each has read."""
    analyses: Sequence[AnalysisShown]


@dataclass(frozen=True, slots=True)
class DeliveryShown:
    """What one warehouse has of the verbatim's row."""

    warehouse: int
    in_use: bool
    """Whether the latest load went there."""
    used_at: str
    due: int
    sent: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """All of one verbatim. Texts are in it: it is printed, never logged."""

    verbatim_id: str
    source: str | None
    """None where a tombstone is all that is left."""
    external_id: str | None
    forgotten_on: str | None
    versions: Sequence[Version]
    """From the oldest."""
    deliveries: Sequence[DeliveryShown]


class Dossiers:
    """Looks verbatims up; writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._identities = Identities(database)

    def find(self, verbatim_id: str) -> Dossier | None:
        """The dossier of a verbatim; None where the store has never seen it."""
        with self._database.read() as connection:
            mine = sa.select(texts).where(texts.c.verbatim_id == verbatim_id).order_by(texts.c.text_id)
            found = connection.execute(mine).all()
            tombstone = sa.select(forgotten.c.forgotten_on).where(forgotten.c.verbatim_id == verbatim_id)
            forgotten_on = connection.execute(tombstone).scalar()
            if not found and forgotten_on is None:
                return None
            return Dossier(
                verbatim_id=verbatim_id,
                source=found[-1].source if found else None,
                external_id=found[-1].external_id if found else None,
                forgotten_on=forgotten_on,
                versions=[_version(connection, text) for text in found],
                deliveries=_deliveries(connection, verbatim_id),
            )

    def find_named(self, names: Collection[tuple[str, str]]) -> list[Dossier]:
        """The dossiers of what goes by one of these names: source and external id, which may be the verbatim_id."""
        ids = [self._identities.of(*name).verbatim_id for name in names]
        there = [found for one in dict.fromkeys(ids) if (found := self.find(one))]
        # a forgotten verbatim has no other name left
        by_id = [found for source, one in names if (found := self.find(one)) and found.source == source]
        return there or by_id[:1]


def _version(connection: sa.Connection, text: Any) -> Version:
    read = sa.select(run_records.c.run_id, run_records.c.position).where(run_records.c.text_id == text.text_id)
    asked = sa.select(attempts).where(attempts.c.text_id == text.text_id).order_by(attempts.c.attempt_id)
    by_analyser: dict[str, list[Asked]] = {}
    for one in connection.execute(asked):
        by_analyser.setdefault(one.analyser, []).append(_record(Asked, one))
    done = sa.select(analyses).where(analyses.c.text_id == text.text_id).order_by(analyses.c.analysis_id)
    decided = {one.analyser: one for one in connection.execute(done)}
    return _record(
        Version,
        text,
        extra=_parsed(text.extra),
        read_in=[(run_id, position) for run_id, position in connection.execute(read.order_by(run_records.c.run_id))],
        analyses=[
            _analysis(connection, text, analyser, decided.get(analyser), by_analyser.get(analyser, []))
            for analyser in dict.fromkeys([*by_analyser, *decided])
        ],
    )


def _analysis(
    connection: sa.Connection, text: Any, fingerprint: str, decided: Any, asked: Sequence[Asked]
) -> AnalysisShown:
    who = connection.execute(sa.select(analysers).where(analysers.c.analyser == fingerprint)).one()
    return AnalysisShown(
        analyser=fingerprint,
        model=who.model,
        prompt_version=who.prompt_version,
        definition=find_analyser(connection, fingerprint),
        outcome=decided.outcome if decided else None,
        current=decided is not None and decided.analysis_id == text.current,
        answer=_answer(connection, decided.request_key) if decided and decided.request_key else None,
        attempts=asked,
    )


def _answer(connection: sa.Connection, request_key: str) -> Answer:
    found = connection.execute(sa.select(answers).where(answers.c.request_key == request_key)).one()
    given = {"topics": json.loads(found.topics), "new_topics": json.loads(found.new_topics)}
    return _record(Answer, found, paid_by=found.text_id, **given)


def _deliveries(connection: sa.Connection, verbatim_id: str) -> list[DeliveryShown]:
    latest = (deliveries.c.warehouse == in_use()).label("in_use")
    query = (
        sa.select(deliveries, warehouses.c.used_at, latest)
        .join(warehouses, warehouses.c.warehouse == deliveries.c.warehouse)
        .where(deliveries.c.verbatim_id == verbatim_id)
        .order_by(deliveries.c.warehouse)
    )
    return [_record(DeliveryShown, one) for one in connection.execute(query)]


def _record(kind: type[Record], found: Any, **given: Any) -> Record:
    """A record whose fields are named as the columns are, but for those given."""
    names = {field.name for field in fields(kind)} - given.keys()  # type: ignore[arg-type]
    return kind(**{name: getattr(found, name) for name in names}, **given)


def _parsed(extra: str | None) -> Any:
    return json.loads(extra) if extra else None
