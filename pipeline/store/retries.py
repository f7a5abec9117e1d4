"""Failed texts that are asked again on request: their final outcomes go, so that they are pending once more.

Attempts stay. So do good answers, and whatever a claim holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.records import Outcome
from pipeline.store.analyses import lock_texts
from pipeline.store.database import Database, Turn
from pipeline.store.deliveries import PAGE
from pipeline.store.predicates import GOOD, failed
from pipeline.store.tables import analyses, attempts, claims, run_records, runs, texts

Rule = Callable[[Outcome | None], bool]
"""Whether a text is worth asking again, by how today's request for it last ended; None: it was never sent."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """What became of a run's failed texts."""

    again: int
    """They are pending now."""
    stay: int
    """The same request would fail in the same way."""
    held: int
    """Somebody else asks about them just now."""

    def __add__(self, other: Reopened) -> Reopened:
        return Reopened(self.again + other.again, self.stay + other.stay, self.held + other.held)


class Retries:
    """Reopens failed texts of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reopen(self, run_id: str, key: Callable[[str], str], is_worth_retrying: Rule) -> Reopened:
        """Make the run's failed texts pending that may do better now, a page to a transaction.

        `key` returns the key of today's request for a text. A re-analysis reopens only what its own analyser has
        failed on; any other run also what a re-analysis has, which has it pending then. Identical texts of other runs
        that have failed with the same request become pending too: their failure would close these again unasked.
        """
        with self._database.read() as connection:
            whose = connection.execute(sa.select(runs.c.analyser).where(runs.c.run_id == run_id)).scalar()
        found, after = Reopened(0, 0, 0), 0
        while page := self._page(run_id, whose, after):
            keys = {one.text_id: key(one.text) for one in page}
            found += self._reopen(keys, whose, is_worth_retrying)
            after = page[-1].text_id
        return found

    def _page(self, run_id: str, whose: str | None, after: int) -> Sequence[Any]:
        query = (
            sa.select(texts.c.text_id, texts.c.text)
            .join(run_records, run_records.c.text_id == texts.c.text_id)
            .where(run_records.c.run_id == run_id, run_records.c.text_id > after, failed(whose))
            .order_by(run_records.c.text_id)
            .limit(PAGE)
        )
        with self._database.read() as connection:
            return connection.execute(query).all()

    def _reopen(self, keys: Mapping[int, str], whose: str | None, is_worth_retrying: Rule) -> Reopened:
        with self._database.write() as connection:
            # under the turn to claim nobody can claim a text, or close one with an identical one's failure
            self._database.take_turns(connection, Turn.CLAIMING)
            identical = _failed_with(connection, keys.values(), is_worth_retrying)
            lock_texts(connection, [*keys, *(one.text_id for one in identical)])
            open_to = _still_failed(connection, keys, whose)
            held = _held(connection, [*keys, *(one.text_id for one in identical)], keys.values())
            free = {text_id for text_id in open_to if text_id not in held.texts and keys[text_id] not in held.keys}
            last = _last_outcomes(connection, {keys[text_id] for text_id in free})
            again = {text_id for text_id in free if is_worth_retrying(last.get(keys[text_id]))}
            keys_again = {keys[text_id] for text_id in again}
            in_the_way = [
                one.analysis_id for one in identical if one.request_key in keys_again and one.text_id not in held.texts
            ]
            _delete(connection, again, whose, in_the_way)
        return Reopened(len(again), len(free) - len(again), len(open_to) - len(free))


@dataclass(frozen=True, slots=True)
class _Held:
    texts: frozenset[int]
    keys: frozenset[str]


def _failed_with(connection: sa.Connection, keys: Collection[str], is_worth_retrying: Rule) -> Sequence[Any]:
    """Outcomes that texts have had with these very requests, and that would close an identical text."""
    varying = [outcome.value for outcome in Outcome if outcome.value != GOOD and is_worth_retrying(outcome)]
    theirs = (analyses.c.text_id == attempts.c.text_id) & (analyses.c.analyser == attempts.c.analyser)
    query = (
        sa.select(analyses.c.analysis_id, analyses.c.text_id, attempts.c.request_key)
        .distinct()
        .join(analyses, theirs)
        .where(attempts.c.request_key.in_(set(keys)), analyses.c.outcome.in_(varying))
    )
    return connection.execute(query).all()


def _still_failed(connection: sa.Connection, keys: Mapping[int, str], whose: str | None) -> set[int]:
    """Those that nobody has answered, edited or erased before they were locked."""
    query = sa.select(texts.c.text_id).where(texts.c.text_id.in_(list(keys)), failed(whose))
    return set(connection.execute(query).scalars())


def _held(connection: sa.Connection, ids: Sequence[int], keys: Collection[str]) -> _Held:
    columns = sa.select(claims.c.text_id, claims.c.request_key)
    theirs, same = claims.c.text_id.in_(ids), claims.c.request_key.in_(set(keys))
    found = connection.execute(sa.union(columns.where(theirs), columns.where(same))).all()
    return _Held(frozenset(one.text_id for one in found), frozenset(one.request_key for one in found))


def _last_outcomes(connection: sa.Connection, keys: Collection[str]) -> dict[str, Outcome]:
    """How each request ended when it was last sent, for whatever text."""
    last = (
        sa.select(sa.func.max(attempts.c.attempt_id))
        .where(attempts.c.request_key.in_(set(keys)))
        .group_by(attempts.c.request_key)
    )
    query = sa.select(attempts.c.request_key, attempts.c.outcome).where(attempts.c.attempt_id.in_(last))
    return {one.request_key: Outcome(one.outcome) for one in connection.execute(query)}


def _delete(connection: sa.Connection, again: Collection[int], whose: str | None, in_the_way: Sequence[int]) -> None:
    """Failures only: a good analysis may be the current one of its text."""
    failures = sa.delete(analyses).where(analyses.c.outcome != GOOD)
    theirs = failures.where(analyses.c.text_id.in_(again))
    connection.execute(theirs if whose is None else theirs.where(analyses.c.analyser == whose))
    connection.execute(failures.where(analyses.c.analysis_id.in_(in_the_way)))
