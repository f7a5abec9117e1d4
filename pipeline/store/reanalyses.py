"""Asking again: new analyses of texts that have one, beside the old ones until they are accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from pipeline.events import VerbatimAnalysed
from pipeline.records import AnalyserRecord
from pipeline.store.analysers import note_analyser
from pipeline.store.analyses import count, lock_texts
from pipeline.store.database import Database
from pipeline.store.deliveries import PAGE, raise_due
from pipeline.store.predicates import GOOD, LATEST, has_final_outcome
from pipeline.store.tables import analyses, answers, run_records, runs, texts
from pipeline.store.totals import Tally


class Reanalyses:
    """Runs of a kind of their own: each asks one analyser about texts that are there already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, run_id: str, analyser: AnalyserRecord, first_day: date, last_day: date) -> int:
        """Make a begun run a re-analysis of what was first seen on these UTC days; returns how many texts it has.

        `analyse` then asks `analyser` about those that it has not answered yet. Nothing else changes.
        """
        asked = sa.select(texts.c.text_id).where(
            texts.c.seen_on.between(first_day.isoformat(), last_day.isoformat()),
            texts.c.kept,
            texts.c.text.is_not(None),
            LATEST,
            # unanswered texts are left to the runs that read them
            has_final_outcome(),
        )
        numbered = asked.subquery()
        rows = sa.select(sa.literal(run_id), sa.func.row_number().over(order_by=numbered.c.text_id), numbered.c.text_id)
        with self._database.write() as connection:
            note_analyser(connection, analyser)
            connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(analyser=analyser.fingerprint))
            added = connection.execute(sa.insert(run_records).from_select(["run_id", "position", "text_id"], rows))
            return added.rowcount

    def accept(self, run_id: str) -> Iterator[list[VerbatimAnalysed]]:
        """Make the run's good analyses the current ones, a page to a transaction; their rows become due.

        Yields what is analysed for the first time: texts on which every analyser before had failed. Calling it again
        changes nothing.
        """
        after = 0
        while True:
            with self._database.write() as connection:
                page = self._page(connection, run_id, after)
                news = self._accept(connection, run_id, page)
            if not page:
                return
            yield news
            after = page[-1].text_id

    def _page(self, connection: sa.Connection, run_id: str, after: int) -> Sequence[Any]:
        query = (
            sa.select(analyses.c.analysis_id, analyses.c.text_id)
            .add_columns(answers.c.sentiment, answers.c.topics, answers.c.new_topics)
            .join(answers, answers.c.request_key == analyses.c.request_key)
            .where(analyses.c.run_id == run_id, analyses.c.outcome == GOOD, analyses.c.text_id > after)
            .order_by(analyses.c.text_id)
            .limit(PAGE)
        )
        return connection.execute(query).all()

    def _accept(self, connection: sa.Connection, run_id: str, page: Sequence[Any]) -> list[VerbatimAnalysed]:
        answered = {found.text_id: found for found in page}
        before = lock_texts(connection, list(answered))
        theirs = (analyses.c.text_id == texts.c.text_id) & (analyses.c.run_id == run_id) & (analyses.c.outcome == GOOD)
        moved = connection.execute(
            sa.update(texts)
            .where(
                texts.c.text_id.in_(list(answered)), theirs, texts.c.current.is_distinct_from(analyses.c.analysis_id)
            )
            .values(current=analyses.c.analysis_id)
            .returning(texts.c.text_id, texts.c.verbatim_id, texts.c.source, texts.c.characters, texts.c.language)
        ).all()
        tally = Tally()
        news = [count(tally, text, answered[text.text_id]) for text in moved if before[text.text_id].current is None]
        raise_due(self._database, connection, [text.verbatim_id for text in moved])
        tally.write(connection, run_id, self._database.process)
        return news
