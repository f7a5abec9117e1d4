"""Which of a page of texts may be asked: claimed, settled by answers that are there, or left to others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from pipeline.claiming import NO_BUDGET, Budget, ClaimResult, Unanswered
from pipeline.records import AnalyserRecord, Ask, Outcome
from pipeline.store.analysers import note_analyser
from pipeline.store.analyses import Analyses, lock_texts
from pipeline.store.database import Database
from pipeline.store.holders import BATCH, PROCESS, Holder, take_over
from pipeline.store.pages import pending_page
from pipeline.store.predicates import pending
from pipeline.store.sentinel import unanswered_by_sentinel
from pipeline.store.sentinel_answers import SentinelAnswers
from pipeline.store.spending import Spending
from pipeline.store.tables import analyses, attempts, claims, holders, runs, texts


class Taking:
    """Takes texts for one holder after another, all for one run and analyser."""

    def __init__(
        self,
        database: Database,
        run_id: str,
        analyser: AnalyserRecord,
        final_outcomes: Collection[Outcome],
        budget: Budget = NO_BUDGET,
    ) -> None:
        """A text that is identical to one that has failed with one of `final_outcomes` is not asked."""
        with database.write() as connection:
            note_analyser(connection, analyser)
            found = connection.execute(sa.select(runs.c.analyser, runs.c.purpose).where(runs.c.run_id == run_id)).one()
        # a re-analysis sends texts again that other analysers have answered; a run sends only unanswered ones
        again = found.analyser is not None
        self.purpose: str | None = found.purpose
        self.holder = Holder(database)
        self.spending = Spending(database, run_id, budget)
        self.analyses = (
            SentinelAnswers(database, run_id, analyser, self.purpose)
            if self.purpose
            else Analyses(database, run_id, analyser, counts=not again)
        )
        self._run_id = run_id
        self._final = {outcome.value for outcome in final_outcomes}
        self._asked = analyser.fingerprint
        self._pending = unanswered_by_sentinel(run_id) if self.purpose else pending(self._asked if again else None)

    def pending(self, connection: sa.Connection, after: int, limit: int) -> list[Unanswered]:
        """The run's next texts that wait for an answer, behind a text id."""
        return pending_page(connection, self._run_id, self._asked, self._pending, after, limit, self.purpose)

    def take(self, connection: sa.Connection, asks: Sequence[Ask], holder: str) -> ClaimResult:
        """Under the turn to claim: what is free and affordable becomes the holder's."""
        open_texts = self._open_texts(connection, asks)
        offered = [ask for ask in asks if ask.text_id in open_texts]
        free, batched = self._free(connection, offered, holder)
        unanswered, settled = self._settle(connection, free)
        wanted = _one_per_request(unanswered)
        mine = self.spending.affordable(connection, wanted)
        self._claim(connection, mine, holder)
        unaffordable = wanted[len(mine) :]
        identical = {ask.text_id for ask in unanswered} - {ask.text_id for ask in wanted}
        held = {ask.text_id for ask in offered} - {ask.text_id for ask in free} - batched | identical
        waiting = tuple(ask for ask in offered if ask.text_id in held)
        return ClaimResult(
            mine,
            waiting,
            settled,
            len(asks) - len(mine) - len(waiting) - len(unaffordable) - len(batched),
            unaffordable,
            self._shortage(connection, unaffordable),
        )

    def unclaimed(self, connection: sa.Connection, asks: Sequence[Ask], holder: str) -> list[Ask]:
        """Those whose claims have ended. An identical text waits for the request's key, without a claim of its own."""
        found = self._claims_on(connection, asks)
        dead = {one.holder for one in self._dead_among(found, holder)}
        return _not_claimed(asks, [claim for claim in found if claim.holder not in dead])

    def _settle(self, connection: sa.Connection, free: Sequence[Ask]) -> tuple[list[Ask], tuple[Any, ...]]:
        """Give texts the answers that identical requests have; returns those without, and what was settled."""
        # a request that is in flight has no answer yet, so only those of free texts are looked up
        keys = {ask.request_key for ask in free}
        answered = self.analyses.known_answers(connection, keys)
        failed = self._failures(connection, keys - answered.keys())
        settled = self.analyses.settle(connection, [ask for ask in free if ask.request_key in answered], answered)
        closed = [(ask.text_id, failed[ask.request_key]) for ask in free if ask.request_key in failed]
        self.analyses.close(connection, closed)
        return [ask for ask in free if ask.request_key not in answered.keys() | failed.keys()], tuple(settled.values())

    def _shortage(self, connection: sa.Connection, unaffordable: Sequence[Ask]) -> str | None:
        """Why none of these can be asked, unless a call in flight may give some of what it has reserved back."""
        if not unaffordable:
            return None
        reserving = sa.select(claims.c.holder).where(claims.c.reserved_usd > 0)
        query = sa.select(holders).where(holders.c.holder.in_(reserving), holders.c.kind == PROCESS)
        found = connection.execute(query).all()
        if len(found) > len(self._dead_among(found, "")):
            return None
        return self.spending.shortage(connection, unaffordable[0].worst_usd)

    def _open_texts(self, connection: sa.Connection, asks: Sequence[Ask]) -> set[int]:
        """Those that still wait for an answer, locked: edited and erased texts are not sent."""
        ids = [ask.text_id for ask in asks]
        lock_texts(connection, ids)
        # a second statement sees what those whose locks this one waited for have committed
        query = sa.select(texts.c.text_id).where(texts.c.text_id.in_(ids), self._pending)
        return set(connection.execute(query).scalars())

    def _free(self, connection: sa.Connection, asks: Sequence[Ask], holder: str) -> tuple[list[Ask], set[int]]:
        """Unclaimed ones, after claims of dead holders are freed; and those that a batch holds."""
        found = self._claims_on(connection, asks)
        freed = take_over(connection, self._dead_among(found, holder))
        living = [claim for claim in found if claim.holder not in freed]
        batched = [claim for claim in living if claim.kind == BATCH]
        open_to = _not_claimed(asks, batched)
        in_batches = {ask.text_id for ask in asks} - {ask.text_id for ask in open_to}
        return _not_claimed(asks, living), in_batches

    def _dead_among(self, found: Sequence[Any], holder: str) -> list[Any]:
        each = {claim.holder: claim for claim in found if claim.holder != holder}
        return self.holder.witness.dead_among(list(each.values()))

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
        if not keys or self.purpose:
            return {}
        theirs = (analyses.c.text_id == attempts.c.text_id) & (analyses.c.analyser == attempts.c.analyser)
        query = (
            sa.select(attempts.c.request_key, analyses.c.outcome)
            .join(analyses, theirs)
            .where(attempts.c.request_key.in_(keys), analyses.c.outcome.in_(self._final))
        )
        return {found.request_key: found.outcome for found in connection.execute(query)}

    def _claim(self, connection: sa.Connection, asks: Sequence[Ask], holder: str) -> None:
        if not asks:
            return
        day = self.spending.reserve(connection, sum(ask.worst_usd for ask in asks))
        rows = [
            {"text_id": ask.text_id, "request_key": ask.request_key, "holder": holder, "reserved_usd": ask.worst_usd}
            for ask in asks
        ]
        connection.execute(sa.insert(claims).values(reserved_on=day, purpose=self.purpose), rows)


def _one_per_request(asks: Sequence[Ask]) -> tuple[Ask, ...]:
    """Of identical texts the first is asked, and the others wait for its answer."""
    first: dict[str, Ask] = {}
    for ask in asks:
        first.setdefault(ask.request_key, ask)
    return tuple(first.values())


def _not_claimed(asks: Sequence[Ask], living: Sequence[Any]) -> list[Ask]:
    texts_claimed, keys_claimed = {claim.text_id for claim in living}, {claim.request_key for claim in living}
    return [ask for ask in asks if ask.text_id not in texts_claimed and ask.request_key not in keys_claimed]
