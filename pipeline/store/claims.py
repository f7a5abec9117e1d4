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

from pipeline.claiming import NO_BUDGET, Budget, ClaimResult, CompletedRequest, Unanswered
from pipeline.errors import BudgetUsedUp, StoreUnavailable
from pipeline.events import VerbatimAnalysed
from pipeline.records import AnalyserRecord, Ask, Outcome
from pipeline.store.database import Database, Turn
from pipeline.store.holders import PROCESS
from pipeline.store.spending import paid_usd, released
from pipeline.store.tables import claims, holders
from pipeline.store.taking import Taking
from pipeline.store.totals import success_ratio


class Claims:
    """The claims of one process, for one run. Implements `claiming.ClaimStore`."""

    def __init__(
        self,
        database: Database,
        run_id: str,
        analyser: AnalyserRecord,
        final_outcomes: Collection[Outcome],
        budget: Budget = NO_BUDGET,
    ) -> None:
        """As `Taking`."""
        self._database = database
        self._run_id = run_id
        self._taking = taking = Taking(database, run_id, analyser, final_outcomes, budget)
        self._holder, self._spending, self._analyses = taking.holder, taking.spending, taking.analyses
        self._unsure: set[str] = set()
        """Which transactions the store went away in: whether they were committed is not known."""

    def pending(self, after: int, limit: int) -> list[Unanswered]:
        """As `ClaimStore` says."""
        with self._database.read() as connection:
            return self._taking.pending(connection, after, limit)

    def take(self, asks: Sequence[Ask]) -> ClaimResult:
        """As `ClaimStore` says."""
        with self._transaction("take") as connection:
            self._database.take_turns(connection, Turn.CLAIMING)
            self._holder.register(connection)
            # an earlier try may have been committed without a reply; none of these texts is in flight yet
            if "take" in self._unsure:
                self._spending.settle(connection, self._give_back(connection, asks), 0.0)
            taken = self._taking.take(connection, asks, self._holder.name)
        self._holder.registered = True
        return taken

    def unclaimed(self, asks: Sequence[Ask]) -> list[Ask]:
        """As `ClaimStore` says."""
        with self._database.read() as connection:
            return self._taking.unclaimed(connection, asks, self._holder.name)

    def commit(self, ended: Sequence[CompletedRequest]) -> list[VerbatimAnalysed | None]:
        """As `ClaimStore` says. A process that was taken for dead still stores what it has paid for."""
        if not ended:
            return []
        with self._transaction("commit") as connection:
            before = self._analyses.stored_before(connection, ended) if "commit" in self._unsure else {}
            fresh = [one for one in ended if one.ask.text_id not in before]
            news = before | self._analyses.add(connection, fresh)
            self._spending.settle(connection, self._give_back(connection, [one.ask for one in ended]), paid_usd(fresh))
        return [news.get(one.ask.text_id) for one in ended]

    def reserve(self, ask: Ask, usd: float) -> None:
        """As `ClaimStore` says."""
        with self._database.write() as connection:
            self._database.take_turns(connection, Turn.CLAIMING)
            if not self._spending.fits(connection, usd):
                raise BudgetUsedUp(self._spending.shortage(connection, usd))
            mine = (claims.c.text_id == ask.text_id) & (claims.c.holder == self._holder.name)
            more = sa.update(claims).where(mine).values(reserved_usd=claims.c.reserved_usd + usd)
            connection.execute(more)
            self._spending.reserve(connection, usd)

    def renew(self) -> None:
        """As `ClaimStore` says."""
        with self._database.write() as connection:
            self._holder.beat(connection)

    def release(self, unsent: Sequence[Ask] = ()) -> None:
        """As `ClaimStore` says."""
        with self._database.write() as connection:
            self._spending.settle(connection, self._give_back(connection, unsent), 0.0)
            self._holder.remove(connection)

    def processes(self) -> int:
        """As `ClaimStore` says."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(holders).where(holders.c.kind == PROCESS)).all()
        others = [holder for holder in found if holder.holder != self._holder.name]
        return 1 + len(others) - len(self._holder.dead_among(others))

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

    def _give_back(self, connection: sa.Connection, asks: Sequence[Ask]) -> Sequence[Any]:
        """Delete the claims on these texts; returns them."""
        return released(connection, self._holder.name, [ask.text_id for ask in asks])
