"""Analysed verbatims as the warehouse holds them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from pipeline.records import NewTopic, WarehouseRow
from pipeline.store.decisions import resolved
from pipeline.store.tables import analyses, answers, attempts, texts
from pipeline.topic_key import topic_key

PAID = ("cost_usd", "input_tokens", "output_tokens", "cached_tokens", "thinking_tokens")
"""Columns of attempts whose sums stand in a row."""


class _Unpaid(NamedTuple):
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int | None = None
    thinking_tokens: int | None = None


UNPAID = _Unpaid()
"""Where an identical text has paid."""


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
    query = (
        sa.select(texts, answers, analyses.c.run_id.label("made_in"), analyses.c.analyser)
        .join(analyses, analyses.c.analysis_id == texts.c.current)
        .join(answers, answers.c.request_key == analyses.c.request_key)
        .where(texts.c.text_id.in_(latest))
    )
    found = connection.execute(query).all()
    decided, paid = resolved(connection), _paid(connection, [one.text_id for one in found])
    return {one.verbatim_id: _row(one, paid.get((one.text_id, one.analyser), UNPAID), decided) for one in found}


def _paid(connection: sa.Connection, text_ids: Collection[int]) -> dict[tuple[int, str], Any]:
    """(text, analyser) → what all attempts of that analysis came to."""
    whose = (attempts.c.text_id, attempts.c.analyser)
    sums = [sa.func.sum(attempts.c[name]).label(name) for name in PAID]
    query = sa.select(*whose, *sums).where(attempts.c.text_id.in_(text_ids), attempts.c.purpose.is_(None))
    return {(one.text_id, one.analyser): one for one in connection.execute(query.group_by(*whose))}


def _written(written_at: str | None) -> tuple[str | None, str | None]:
    """The UTC instant and the day of what a source says, which is either."""
    if written_at is None or len(written_at) <= len("2026-01-01"):
        return None, written_at
    instant = datetime.fromisoformat(written_at)
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC).isoformat(timespec="seconds"), written_at[:10]


def _mapped(found: Any, decided: Mapping[str, str | None]) -> tuple[tuple[str, ...], tuple[NewTopic, ...]]:
    """The answer's topics and new topics once people have decided: an accepted one stands among the topics."""
    named, left = json.loads(found.topics), []
    for new in (NewTopic(**one) for one in json.loads(found.new_topics)):
        key = topic_key(new.label)
        if key not in decided:
            left.append(new)
        elif topic := decided[key]:
            named.append(topic)
    return tuple(dict.fromkeys(named)), tuple(left)


def _row(found: Any, paid: Any, decided: Mapping[str, str | None]) -> WarehouseRow:
    written_at, written_on = _written(found.written_at)
    topics, new_topics = _mapped(found, decided)
    row = WarehouseRow(
        verbatim_id=found.verbatim_id,
        run_id=found.made_in,
        source=found.source,
        external_id=found.external_id,
        url=found.url,
        rating=found.rating,
        language=found.language,
        written_at=written_at,
        written_on=written_on,
        seen_on=found.seen_on,
        text=found.text,
        summary=found.summary,
        sentiment=found.sentiment,
        topics=topics,
        new_topics=new_topics,
        model=found.model,
        prompt_version=found.prompt_version,
        cost_usd=paid.cost_usd,
        extra=found.extra and json.loads(found.extra),
        input_tokens=paid.input_tokens,
        output_tokens=paid.output_tokens,
        cached_tokens=paid.cached_tokens,
        thinking_tokens=paid.thinking_tokens,
        trace_id=found.trace_id,
        analysed_at=found.analysed_at,
        analyser=found.analyser,
    )
    return _without_words(row) if found.erased else row


def _without_words(row: WarehouseRow) -> WarehouseRow:
    """The row without what the verbatim said, and without what says it again; all that is counted stays."""
    topics = tuple(replace(topic, quote=None) for topic in row.new_topics)
    return replace(row, text=None, summary=None, extra=None, new_topics=topics)
