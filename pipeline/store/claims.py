"""Who asks Claude what: claims on texts, and the commits that end them.

Several processes share one store and never pay for one text twice: a claim is on the text and on the request, so
that neither another setting nor an identical text is asked beside it. Everyone else waits for the answer.

Locks are taken in one order, by erasure too, which avoids deadlock: the turn to claim, texts by number, answers by
key, deliveries, totals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from pipeline.claiming import ClaimResult, CompletedRequest
from pipeline.errors import StoreUnavailable
from pipeline.events import VerbatimAnalysed
from pipeline.records import AnalyserRecord, Ask, Outcome
from pipeline.store.analysers import note_analyser
from pipeline.store.analyses import Analyses, lock_texts
from pipeline.store.database import Database, Turn
from pipeline.store.holders import Holder, take_over
from pipeline.store.predicates import pending
from pipeline.store.tables import analyses, attempts, claims, holders, run_records, runs, texts
from pipeline.store.totals import success_ratio


class Claims:
    """The claims of one process, for one run. Implements `claiming.ClaimStore`."""

    def __init__(
        self, database: Database, run_id: str, analyser: AnalyserRecord, final_outcomes: Collection[Outcome]
    ) -> None:
        """A text that is identical to one that has failed with one of `final_outcomes` is not asked."""
        self._database = database
        self._run_id = run_id
        self._analyser = analyser
        self._final = {outcome.value for outcome in final_outcomes}
        self._holder = Holder(database)
        with database.write() as connection:
            note_analyser(connection, analyser)
            theirs = connection.execute(sa.select(runs.c.analyser).where(runs.c.run_id == run_id)).scalar()
        self._again = theirs is not None
        """A re-analysis sends texts again that other analysers have answered; a run sends only unanswered ones."""
        self._analyses = Analyses(database, run_id, analyser, counts=not self._again)
        self._unsure: set[str] = set()
        """Which transactions the store went away in: whether they were committed is not known."""

    def pending(self, after: int, limit: int) -> list[tuple[int, str, str]]:
        """As `ClaimStore` says."""
        query = (
            sa.select(texts.c.text_id, texts.c.verbatim_id, texts.c.text)
            .join(run_records, run_records.c.text_id == texts.c.text_id)
            .where(run_records.c.run_id == self._run_id, run_records.c.text_id > after, self._is_pending())
            .order_by(run_records.c.text_id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [(found.text_id, found.verbatim_id, found.text) for found in connection.execute(query)]

    def take(self, asks: Sequence[Ask]) -> ClaimResult:
        """As `ClaimStore` says."""
        with self._transaction("take") as connection:
            self._database.take_turns(connection, Turn.CLAIMING)
            self._holder.register(connection)
            # an earlier try may have been committed without a reply; none of these texts is in flight yet
            if "take" in self._unsure:
                self._give_back(connection, [ask.text_id for ask in asks])
            taken = self._take(connection, asks)
        self._holder.registered = True
        return taken

    def unclaimed(self, asks: Sequence[Ask]) -> list[Ask]:
        """As `ClaimStore` says. An identical text waits for the request's key, without a claim of its own."""
        with self._database.read() as connection:
            found = self._claims_on(connection, asks)
            dead = {holder.holder for holder in self._holder.dead_among(found)}
        return _not_claimed(asks, [claim for claim in found if claim.holder not in dead])

    def commit(self, ended: Sequence[CompletedRequest]) -> list[VerbatimAnalysed | None]:
        """As `ClaimStore` says. A process that was taken for dead still stores what it has paid for."""
        if not ended:
            return []
        with self._transaction("commit") as connection:
            before = self._analyses.stored_before(connection, ended) if "commit" in self._unsure else {}
            news = before | self._analyses.add(connection, [one for one in ended if one.ask.text_id not in before])
            self._give_back(connection, [one.ask.text_id for one in ended])
        return [news.get(one.ask.text_id) for one in ended]

    def renew(self) -> None:
        """As `ClaimStore` says."""
        with self._database.write() as connection:
            self._holder.beat(connection)

    def release(self) -> None:
        """As `ClaimStore` says."""
        with self._database.write() as connection:
            self._holder.remove(connection)

    def success_ratio(self) -> float | None:
        """As `ClaimStore` says."""
        with self._database.read() as connection:
            return success_ratio(connection, self._run_id)

    @contextmanager
    def _transaction(self, name: str) -> Iterator[sa.Connection]:
        """One that may be repeated where it ends with StoreUnavailable."""
        try:
            with self._database.write() as connection:
                yield connection
        except StoreUnavailable:
            self._unsure.add(name)
            raise
        self._unsure.discard(name)

    def _give_back(self, connection: sa.Connection, ids: Sequence[int]) -> None:
        # only its own: a process that was taken for dead must not free the claims that another took over
        mine = claims.c.text_id.in_(ids) & (claims.c.holder == self._holder.name)
        connection.execute(sa.delete(claims).where(mine))

    def _is_pending(self) -> sa.ColumnElement[bool]:
        return pending(self._analyser.fingerprint if self._again else None)

    def _take(self, connection: sa.Connection, asks: Sequence[Ask]) -> ClaimResult:
        open_texts = self._open_texts(connection, asks)
        offered = [ask for ask in asks if ask.text_id in open_texts]
        free = self._free(connection, offered)
        # a request that is in flight has no answer yet, so only those of free texts are looked up
        keys = {ask.request_key for ask in free}
        answered = self._analyses.known_answers(connection, keys)
        failed = self._failures(connection, keys - answered.keys())
        settled = self._analyses.settle(connection, [ask for ask in free if ask.request_key in answered], answered)
        closed = [(ask.text_id, failed[ask.request_key]) for ask in free if ask.request_key in failed]
        self._analyses.close(connection, closed)
        unasked = [ask for ask in free if ask.request_key not in answered.keys() | failed.keys()]
        mine = _one_per_request(unasked)
        self._claim(connection, mine)
        decided = {ask.text_id for ask in free} - {ask.text_id for ask in unasked} | {ask.text_id for ask in mine}
        waiting = tuple(ask for ask in offered if ask.text_id not in decided)
        return ClaimResult(mine, waiting, tuple(settled.values()), len(asks) - len(mine) - len(waiting))

    def _open_texts(self, connection: sa.Connection, asks: Sequence[Ask]) -> set[int]:
        """Those that still wait for an answer, locked: edited and erased texts are not sent."""
        ids = [ask.text_id for ask in asks]
        lock_texts(connection, ids)
        # a second statement sees what those whose locks this one waited for have committed
        query = sa.select(texts.c.text_id).where(texts.c.text_id.in_(ids), self._is_pending())
        return set(connection.execute(query).scalars())

    def _free(self, connection: sa.Connection, asks: Sequence[Ask]) -> list[Ask]:
        """Unclaimed ones, after claims of dead holders are freed."""
        found = self._claims_on(connection, asks)
        freed = take_over(connection, self._holder.dead_among(_each_holder(found)))
        return _not_claimed(asks, [claim for claim in found if claim.holder not in freed])

    def _claims_on(self, connection: sa.Connection, asks: Sequence[Ask]) -> Sequence[Any]:
        """Claims on these texts or on identical requests, each with its holder."""
        theirs = claims.c.text_id.in_([ask.text_id for ask in asks])
        same = claims.c.request_key.in_({ask.request_key for ask in asks})
        query = sa.select(claims.c.text_id, claims.c.request_key, holders).join(
            holders, holders.c.holder == claims.c.holder
        )
        # two queries: with OR neither SQLite nor Postgres would use both indexes
        return connection.execute(sa.union(query.where(theirs), query.where(same))).all()

    def _failures(self, connection: sa.Connection, keys: set[str]) -> dict[str, str]:
        """How each request failed for good, if it did: as it stands for a text that was sent with it."""
        if not keys:
            return {}
        theirs = (analyses.c.text_id == attempts.c.text_id) & (analyses.c.analyser == attempts.c.analyser)
        query = (
            sa.select(attempts.c.request_key, analyses.c.outcome)
            .join(analyses, theirs)
            .where(attempts.c.request_key.in_(keys), analyses.c.outcome.in_(self._final))
        )
        return {found.request_key: found.outcome for found in connection.execute(query)}

    def _claim(self, connection: sa.Connection, asks: Sequence[Ask]) -> None:
        if asks:
            connection.execute(
                sa.insert(claims),
                [{"text_id": ask.text_id, "request_key": ask.request_key, "holder": self._holder.name} for ask in asks],
            )


def _each_holder(found: Sequence[Any]) -> list[Any]:
    return list({claim.holder: claim for claim in found}.values())


def _one_per_request(asks: Sequence[Ask]) -> tuple[Ask, ...]:
    """Of identical texts the first is asked, and the others wait for its answer."""
    first: dict[str, Ask] = {}
    for ask in asks:
        first.setdefault(ask.request_key, ask)
    return tuple(first.values())


def _not_claimed(asks: Sequence[Ask], living: Sequence[Any]) -> list[Ask]:
    texts_claimed, keys_claimed = {claim.text_id for claim in living}, {claim.request_key for claim in living}
    return [ask for ask in asks if ask.text_id not in texts_claimed and ask.request_key not in keys_claimed]
