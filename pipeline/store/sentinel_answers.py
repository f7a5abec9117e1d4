"""What runs of the sentinel store of their answers: nothing that counts a verbatim, and no words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from pipeline.claiming import CompletedRequest
from pipeline.events import VerbatimAnalysed
from pipeline.records import AnalyserRecord
from pipeline.store.analyses import Analyses, lock_texts, tally_of
from pipeline.store.database import Database, insert
from pipeline.store.model_tables import sentinel, sentinel_answers
from pipeline.store.predicates import GOOD


class SentinelAnswers(Analyses):
    """What a run of the sentinel stores: attempts, which are paid, and sentiments; no answers, no analyses."""

    def __init__(self, database: Database, run_id: str, analyser: AnalyserRecord, purpose: str) -> None:
        super().__init__(database, run_id, analyser, counts=False, purpose=purpose)

    def add(
        self, connection: sa.Connection, ended: Sequence[CompletedRequest], batch: str | None = None
    ) -> dict[int, VerbatimAnalysed]:
        """As `Analyses.add`; nothing is analysed for the first time."""
        if not ended:
            return {}
        locked = lock_texts(connection, [one.ask.text_id for one in ended])
        erased = {text_id for text_id, found in locked.items() if found.erased}
        self._add_attempts(connection, ended, erased, batch)
        tally_of(ended, live=batch is None).write(connection, self._run_id, self._database.process)
        accepted = _accepted(connection, [one.ask.text_id for one in ended if one.final or _is_good(one)])
        rows = [self._compared(one, accepted[one.ask.text_id]) for one in ended if one.ask.text_id in accepted]
        _keep(connection, rows)
        return {}

    def stored_before(
        self, connection: sa.Connection, ended: Sequence[CompletedRequest]
    ) -> dict[int, VerbatimAnalysed | None]:
        """As `Analyses.stored_before`."""
        return dict.fromkeys(self._sent_before(connection, ended))

    def known_answers(self, connection: sa.Connection, keys: Collection[str]) -> dict[str, Any]:
        """None: the very same request is asked again."""
        return {}

    def _compared(self, ended: CompletedRequest, accepted: str) -> dict[str, Any]:
        last = ended.attempts[-1]
        return {
            "run_id": self._run_id,
            "text_id": ended.ask.text_id,
            "outcome": last.outcome.value,
            "sentiment": last.analysis.sentiment.value if last.analysis else None,
            "accepted": accepted,
        }


def _keep(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep a text's first good answer; it replaces a failure. Two processes may bring one where a lease ran out."""
    if not rows:
        return
    statement = insert(connection, sentinel_answers)
    given = statement.excluded
    heals = (sentinel_answers.c.outcome != GOOD) & (given.outcome == GOOD)
    changed = {"outcome": given.outcome, "sentiment": given.sentiment, "accepted": given.accepted}
    statement = statement.on_conflict_do_update(index_elements=["run_id", "text_id"], set_=changed, where=heals)
    connection.execute(statement, rows)


def _is_good(ended: CompletedRequest) -> bool:
    return ended.attempts[-1].analysis is not None


def _accepted(connection: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Text → the sentiment that is expected again, of those that are still in the set."""
    query = sa.select(sentinel.c.text_id, sentinel.c.accepted).where(sentinel.c.text_id.in_(ids))
    return {found.text_id: found.accepted for found in connection.execute(query)}
