"""Analysed verbatims as the warehouse holds them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from pipeline.records import NewTopic, Outcome, WarehouseRow
from pipeline.store.tables import answers, calls, verbatims


def analysed() -> sa.Select[Any]:
    """Analysed verbatims with their answers and what they cost, for `as_row`; edited ones not left out."""
    paid = (
        sa.select(sa.func.coalesce(sa.func.sum(calls.c.cost_usd), 0.0))
        .where(calls.c.row == verbatims.c.row)
        .scalar_subquery()
    )
    return (
        sa.select(verbatims, answers, verbatims.c.run_id.label("settled_in"), paid.label("paid"))
        .join(answers, answers.c.request_key == verbatims.c.answer_key)
        .where(verbatims.c.outcome == Outcome.ANALYSED.value)
    )


def outdated() -> sa.Select[Any]:
    """Verbatims whose analysed text was edited since, while the new text has no analysis."""
    before = verbatims.alias("before")
    return (
        sa.select(verbatims.c.row, verbatims.c.verbatim_id)
        .where(~verbatims.c.superseded, sa.func.coalesce(verbatims.c.outcome, "") != Outcome.ANALYSED.value)
        .where(
            sa.exists().where(
                before.c.verbatim_id == verbatims.c.verbatim_id,
                before.c.superseded,
                before.c.outcome == Outcome.ANALYSED.value,
            )
        )
    )


def as_row(found: Any) -> WarehouseRow:
    """One line of `analysed()`."""
    row = WarehouseRow(
        verbatim_id=found.verbatim_id,
        run_id=found.settled_in,
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
    )
    return strip(row) if found.erased else row


def strip(row: WarehouseRow) -> WarehouseRow:
    """The row without the words of the verbatim, and without those that tell it again; all that is counted stays."""
    topics = tuple(replace(topic, quote=None) for topic in row.new_topics)
    return replace(row, text=None, summary=None, new_topics=topics)
