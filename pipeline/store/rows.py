"""Analysed verbatims as the warehouse holds them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from pipeline.records import NewTopic, WarehouseRow
from pipeline.store.tables import analyses, answers, attempts, texts


def rows_of(connection: sa.Connection, verbatim_ids: Collection[str]) -> dict[str, WarehouseRow]:
    """The row of each verbatim, which is that of its latest text; one that has no good analysis has no row.

    All columns come from the current analysis: its answer, its run, and what its analyser was paid for this text.
    """
    # the largest number: a forgotten verbatim has superseded texts only, and keeps its row for the counts
    latest = (
        sa.select(sa.func.max(texts.c.text_id))
        .where(texts.c.verbatim_id.in_(verbatim_ids))
        .group_by(texts.c.verbatim_id)
        .scalar_subquery()
    )
    paid = (
        sa.select(sa.func.coalesce(sa.func.sum(attempts.c.cost_usd), 0.0))
        # 0 where an identical text has paid
        .where(attempts.c.text_id == texts.c.text_id, attempts.c.analyser == analyses.c.analyser)
        .scalar_subquery()
    )
    query = (
        sa.select(texts, answers, analyses.c.run_id.label("made_in"), analyses.c.analyser, paid.label("paid"))
        .join(analyses, analyses.c.analysis_id == texts.c.current)
        .join(answers, answers.c.request_key == analyses.c.request_key)
        .where(texts.c.text_id.in_(latest))
    )
    return {found.verbatim_id: _row(found) for found in connection.execute(query)}


def _row(found: Any) -> WarehouseRow:
    row = WarehouseRow(
        verbatim_id=found.verbatim_id,
        run_id=found.made_in,
        source=found.source,
        external_id=found.external_id,
        url=found.url,
        rating=found.rating,
        language=found.language,
        written_at=found.written_at,
        seen_on=found.seen_on,
        text=found.text,
        summary=found.summary,
        sentiment=found.sentiment,
        topics=tuple(json.loads(found.topics)),
        new_topics=tuple(NewTopic(**topic) for topic in json.loads(found.new_topics)),
        model=found.model,
        prompt_version=found.prompt_version,
        cost_usd=found.paid,
        trace_id=found.trace_id,
        analysed_at=found.analysed_at,
        analyser=found.analyser,
    )
    return _without_words(row) if found.erased else row


def _without_words(row: WarehouseRow) -> WarehouseRow:
    """The row without what the verbatim said, and without what says it again; all that is counted stays."""
    topics = tuple(replace(topic, quote=None) for topic in row.new_topics)
    return replace(row, text=None, summary=None, new_topics=topics)
