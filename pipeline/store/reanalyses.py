"""Asking again: new analyses of texts that have one, beside the old ones until they are accepted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from pipeline.events import VerbatimAnalysed
from pipeline.records import AnalyserRecord
from pipeline.store.analysers import note_analyser
from pipeline.store.analyses import count, lock_texts
from pipeline.store.database import Database
from pipeline.store.deliveries import PAGE, raise_due
from pipeline.store.predicates import GOOD, LATEST, has_final_outcome, pending
from pipeline.store.tables import analyses, answers, run_records, runs, texts
from pipeline.store.totals import Tally


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the analysed texts are asked again; all by default."""

    since: date | None = None
    """First seen on this UTC day or later."""
    source: str | None = None
    text_ids: Sequence[int] | None = None


ALL = Wanted()


@dataclass(frozen=True, slots=True)
class Touched:
    """What a re-analysis would come to."""

    texts: int
    """Of which there is a good answer or a final failure."""
    asked: int
    """Of these, what the analyser has neither answered nor failed on."""
    characters: int
    """Of those that are asked, masked."""


class Reanalyses:
    """Runs of a kind of their own: each asks one analyser about texts that are there already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, analyser: AnalyserRecord, wanted: Wanted = ALL) -> Touched:
        """How much it would be; writes nothing."""
        asked = sa.case((pending(analyser.fingerprint), 1), else_=0)
        sums = (sa.func.count(), sa.func.sum(asked), sa.func.sum(asked * texts.c.characters))
        with self._database.read() as connection:
            return Touched(*(int(n or 0) for n in connection.execute(_selected(wanted, *sums)).one()))

    def sample(self, analyser: AnalyserRecord, wanted: Wanted, limit: int) -> list[str]:
        """Texts that would be asked, for an estimate: from all over the store."""
        spread = texts.c.text_id * 2654435761 % 4294967296  # Knuth's multiplicative hash: the same each time
        query = _selected(wanted, texts.c.text).where(pending(analyser.fingerprint)).order_by(spread).limit(limit)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def start(self, run_id: str, analyser: AnalyserRecord, wanted: Wanted = ALL) -> int:
        """Make a begun run a re-analysis of these texts; returns how many it has.

        `analyse` then asks `analyser` about those that it has not answered yet. Nothing else changes.
        """
        numbered = _selected(wanted, texts.c.text_id).subquery()
        rows = sa.select(sa.literal(run_id), sa.func.row_number().over(order_by=numbered.c.text_id), numbered.c.text_id)
        with self._database.write() as connection:
            note_analyser(connection, analyser)
            connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(analyser=analyser.fingerprint))
            added = connection.execute(sa.insert(run_records).from_select(["run_id", "position", "text_id"], rows))
            return added.rowcount

    def accept(self, analyser: str) -> Iterator[list[VerbatimAnalysed]]:
        """Make an analyser's good analyses the current ones, a page to a transaction; the changed rows become due.

        Yields what is analysed for the first time: texts on which every analyser before had failed. Calling it again
        changes nothing.
        """
        after = 0
        while True:
            with self._database.write() as connection:
                page = self._page(connection, analyser, after)
                news = self._accept(connection, page)
            if not page:
                return
            yield news
            after = page[-1].text_id

    def _page(self, connection: sa.Connection, analyser: str, after: int) -> Sequence[Any]:
        query = (
            sa.select(analyses.c.analysis_id, analyses.c.text_id, analyses.c.run_id)
            .add_columns(answers.c.sentiment, answers.c.topics, answers.c.new_topics)
            .join(answers, answers.c.request_key == analyses.c.request_key)
            .where(analyses.c.analyser == analyser, analyses.c.outcome == GOOD, analyses.c.text_id > after)
            .order_by(analyses.c.text_id)
            .limit(PAGE)
        )
        return connection.execute(query).all()

    def _accept(self, connection: sa.Connection, page: Sequence[Any]) -> list[VerbatimAnalysed]:
        answered = {found.text_id: found for found in page}
        before = lock_texts(connection, list(answered))
        these = analyses.c.analysis_id.in_([found.analysis_id for found in page])
        moved = connection.execute(
            sa.update(texts)
            .where(
                analyses.c.text_id == texts.c.text_id, these, texts.c.current.is_distinct_from(analyses.c.analysis_id)
            )
            .values(current=analyses.c.analysis_id)
            .returning(texts.c.text_id, texts.c.verbatim_id, texts.c.source, texts.c.characters, texts.c.language)
        ).all()
        tallies: dict[str, Tally] = defaultdict(Tally)
        news = [
            count(tallies[answered[text.text_id].run_id], text, answered[text.text_id])
            for text in moved
            if before[text.text_id].current is None
        ]
        raise_due(self._database, connection, [text.verbatim_id for text in moved])
        for run_id, tally in sorted(tallies.items()):
            tally.write(connection, run_id, self._database.process)
        return news


def _selected(wanted: Wanted, *columns: Any) -> sa.Select[Any]:
    """Texts that may be asked again: the latest version, with its words. Unanswered ones are left to their runs."""
    query = sa.select(*columns).where(texts.c.kept, texts.c.text.is_not(None), LATEST, has_final_outcome())
    if wanted.since is not None:
        query = query.where(texts.c.seen_on >= wanted.since.isoformat())
    if wanted.source is not None:
        query = query.where(texts.c.source == wanted.source)
    if wanted.text_ids is not None:
        query = query.where(texts.c.text_id.in_(wanted.text_ids))
    return query
