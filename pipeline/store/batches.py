"""Claude's Message Batches: each is noted before it is made, and holds its texts until its results are stored."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from pipeline.batching import BatchState, OpenBatch
from pipeline.claiming import NO_BUDGET, Budget, ClaimResult, CompletedRequest, Unanswered
from pipeline.errors import ClaimsLost
from pipeline.events import VerbatimAnalysed
from pipeline.records import AnalyserRecord, Ask, Outcome
from pipeline.store.analysers import find_analyser
from pipeline.store.database import Database, Turn
from pipeline.store.holders import BATCH, Witness
from pipeline.store.pages import NEVER_ANSWERED, earlier_answers
from pipeline.store.spending import paid_usd, released
from pipeline.store.tables import batches, claims, holders, texts
from pipeline.store.taking import Taking
from pipeline.store.totals import success_ratio

_PAGE = 500
"""Texts in one statement."""


class Batches:
    """The batches of one run and analyser. Implements `batching.BatchStore`."""

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
        self._analyser = analyser
        self._taking = taking = Taking(database, run_id, analyser, final_outcomes, budget)
        self._holder, self._spending, self._analyses = taking.holder, taking.spending, taking.analyses

    def start(self, trace_parent: str | None) -> str:
        """As `BatchStore` says."""
        batch = f"v{secrets.token_hex(10)}"
        with self._database.write() as connection:
            self._holder.register(connection)
            connection.execute(sa.insert(holders).values(holder=batch, kind=BATCH))
            self._note(connection, batch, BatchState.FILLING, worker=self._holder.name, trace_parent=trace_parent)
        self._holder.registered = True
        return batch

    def pending(self, after: int, limit: int) -> list[Unanswered]:
        """As `BatchStore` says."""
        with self._database.read() as connection:
            return self._taking.pending(connection, after, limit)

    def take(self, batch: str, asks: Sequence[Ask]) -> ClaimResult:
        """As `BatchStore` says."""
        with self._database.write() as connection:
            self._database.take_turns(connection, Turn.CLAIMING)
            # an earlier try may have been committed without a reply
            ids = [ask.text_id for ask in asks]
            self._spending.settle(connection, released(connection, batch, ids), 0.0)
            return self._taking.take(connection, asks, batch)

    def held(self, batch: str, ids: Collection[int]) -> Mapping[int, Unanswered]:
        """As `BatchStore` says."""
        wanted = sorted(ids)
        query = (
            sa.select(claims.c.text_id, claims.c.request_key, texts.c.verbatim_id, texts.c.text, texts.c.source)
            .join(texts, texts.c.text_id == claims.c.text_id)
            .where(claims.c.text_id.in_(wanted), claims.c.holder == batch)
        )
        with self._database.read() as connection:
            found = connection.execute(query).all()
            earlier = earlier_answers(connection, self._analyser.fingerprint, [one.text_id for one in found])
        return {
            one.text_id: Unanswered(
                one.text_id,
                one.verbatim_id,
                one.text or "",
                one.source,
                one.request_key,
                *earlier.get(one.text_id, NEVER_ANSWERED),
            )
            for one in found
        }

    def beat(self) -> None:
        """As `BatchStore` says."""
        with self._database.write() as connection:
            self._holder.beat(connection)

    def note_sending(self, batch: str, requests: int) -> None:
        """As `BatchStore` says."""
        with self._database.write() as connection:
            if not self._change(connection, batch, state=BatchState.SENDING.value, requests=requests):
                raise ClaimsLost("this process was taken for dead while it filled a batch: nothing of it is sent")

    def note_sent(self, batch: str, claude_id: str, worst_usd: float = 0.0) -> bool:
        """As `BatchStore` says."""
        sent = {"claude_id": claude_id, "sent_at": _now()}
        with self._database.write() as connection:
            self._forget_worker(connection, batch)
            if self._change(connection, batch, state=BatchState.SENT.value, worker=None, **sent):
                return True
            self._note(connection, batch, BatchState.SENT, **sent)
            self._spending.reserve(connection, worst_usd)
            return False

    def undo(self, batch: str) -> None:
        """As `BatchStore` says."""
        unsent = (batches.c.batch == batch) & batches.c.claude_id.is_(None)
        with self._database.write() as connection:
            self._forget_worker(connection, batch)
            if not connection.execute(sa.delete(batches).where(unsent)).rowcount:
                return
            while page := _claimed(connection, batch, None):
                self._spending.settle(connection, released(connection, batch, page), 0.0)
            connection.execute(sa.delete(holders).where(holders.c.holder == batch))

    def commit(
        self, batch: str, ended: Sequence[CompletedRequest], ended_at: datetime
    ) -> list[VerbatimAnalysed | None]:
        """As `BatchStore` says."""
        with self._database.write() as connection:
            mine = released(connection, batch, [one.ask.text_id for one in ended])
            ids = {claim.text_id for claim in mine}
            fresh = [one for one in ended if one.ask.text_id in ids]
            news = self._analyses.add(connection, fresh, batch)
            self._spending.settle(connection, mine, paid_usd(fresh))
            self._change(connection, batch, ended_at=ended_at.isoformat())
        return [news.get(one.ask.text_id) for one in ended]

    def free(self, batch: str, ids: Collection[int] | None = None) -> int:
        """As `BatchStore` says."""
        freed = 0
        while True:
            with self._database.write() as connection:
                page = _claimed(connection, batch, ids)
                mine = released(connection, batch, page)
                self._spending.settle(connection, mine, 0.0)
            freed += len(mine)
            if not mine:
                return freed

    def note_collected(self, batch: str) -> bool:
        """As `BatchStore` says."""
        theirs = (batches.c.batch == batch) & (batches.c.state == BatchState.SENT.value)
        noted = sa.update(batches).where(theirs).values(state=BatchState.COLLECTED.value, collected_at=_now())
        with self._database.write() as connection:
            return connection.execute(noted).rowcount > 0

    def is_open(self, batch: str) -> bool:
        """As `BatchStore` says."""
        query = sa.select(batches.c.state).where(batches.c.batch == batch)
        with self._database.read() as connection:
            return connection.execute(query).scalar() not in (None, BatchState.CLOSED.value)

    def close(self, batch: str) -> None:
        """As `BatchStore` says."""
        with self._database.write() as connection:
            self._change(connection, batch, state=BatchState.CLOSED.value, worker=None)
            # whatever claims it still has go with it
            connection.execute(sa.delete(holders).where(holders.c.holder == batch))

    def give_up(self, batch: str) -> None:
        """Its texts are free, and what it may have cost stays counted: nobody can tell what became of it."""
        self.close(batch)

    def success_ratio(self) -> float | None:
        """As `BatchStore` says."""
        with self._database.read() as connection:
            return success_ratio(connection, self._run_id)

    def known(self) -> Collection[str]:
        """As `BatchStore` says."""
        with self._database.read() as connection:
            query = sa.select(batches.c.claude_id).where(batches.c.claude_id.is_not(None))
            return set(connection.execute(query).scalars())

    def release(self) -> None:
        """Let go of this process's own row; batches stay."""
        with self._database.write() as connection:
            self._holder.remove(connection)

    def _note(self, connection: sa.Connection, batch: str, state: BatchState, **values: Any) -> None:
        """A new row."""
        whose = {"run_id": self._run_id, "analyser": self._analyser.fingerprint}
        row = {"batch": batch, "state": state.value, "requests": 0, "made_at": _now(), **whose, **values}
        connection.execute(sa.insert(batches).values(row))

    def _forget_worker(self, connection: sa.Connection, batch: str) -> None:
        """Remove the process that was taken for dead while it sent the batch, if that is another one."""
        worker = sa.select(batches.c.worker).where(batches.c.batch == batch, batches.c.worker != self._holder.name)
        connection.execute(sa.delete(holders).where(holders.c.holder == worker.scalar_subquery()))

    def _change(self, connection: sa.Connection, batch: str, **values: Any) -> bool:
        """Whether the batch is still there."""
        return connection.execute(sa.update(batches).where(batches.c.batch == batch).values(values)).rowcount > 0


def open_batches(connection: sa.Connection, witness: Witness, run_id: str | None = None) -> list[OpenBatch]:
    """Batches that are not closed, of one run or of all, the oldest first."""
    query = (
        sa.select(batches, holders.c.holder)
        .outerjoin(holders, holders.c.holder == batches.c.worker)
        .where(sa.text("batches.state <> 'closed'"))
        .order_by(batches.c.made_at, batches.c.batch)
    )
    if run_id is not None:
        query = query.where(batches.c.run_id == run_id)
    return [_open(connection, witness, found) for found in connection.execute(query).all()]


def with_erased_words(connection: sa.Connection) -> list[str]:
    """The ids at Claude's side of batches that still hold words which are erased here."""
    holding = (
        sa.select(batches.c.claude_id)
        .join(claims, claims.c.holder == batches.c.batch)
        .join(texts, texts.c.text_id == claims.c.text_id)
        .where(texts.c.erased, batches.c.claude_id.is_not(None))
    )
    # its claims are gone, and whose texts it had is not looked up: it is to be deleted anyway
    undeleted = sa.select(batches.c.claude_id).where(batches.c.state == BatchState.COLLECTED.value)
    return sorted(connection.execute(sa.union(holding, undeleted)).scalars())


def _open(connection: sa.Connection, witness: Witness, found: Any) -> OpenBatch:
    analyser = find_analyser(connection, found.analyser)
    assert analyser is not None  # noted when the batch was started
    return OpenBatch(
        found.batch,
        found.run_id,
        analyser,
        BatchState(found.state),
        _is_abandoned(connection, witness, found),
        found.claude_id,
        found.requests,
        found.trace_parent,
        datetime.fromisoformat(found.made_at),
        datetime.fromisoformat(found.sent_at) if found.sent_at else None,
    )


def _is_abandoned(connection: sa.Connection, witness: Witness, found: Any) -> bool:
    if found.holder is None:
        return True
    worker = connection.execute(sa.select(holders).where(holders.c.holder == found.worker)).all()
    return len(witness.dead_among(worker)) == len(worker)


def _claimed(connection: sa.Connection, batch: str, ids: Collection[int] | None) -> list[int]:
    query = sa.select(claims.c.text_id).where(claims.c.holder == batch).order_by(claims.c.text_id).limit(_PAGE)
    if ids is not None:
        query = query.where(claims.c.text_id.in_(sorted(ids)))
    return list(connection.execute(query).scalars())


def _now() -> str:
    return datetime.now(UTC).isoformat()
