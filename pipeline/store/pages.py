"""Pages of texts that several nouns of the store read."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.store.tables import run_records, texts


def pending_page(
    connection: sa.Connection, run_id: str, is_pending: sa.ColumnElement[bool], after: int, limit: int
) -> list[tuple[int, str, str]]:
    """A run's next texts to analyse behind a text id: (text id, verbatim id, text)."""
    query = (
        sa.select(texts.c.text_id, texts.c.verbatim_id, texts.c.text)
        .join(run_records, run_records.c.text_id == texts.c.text_id)
        .where(run_records.c.run_id == run_id, run_records.c.text_id > after, is_pending)
        .order_by(run_records.c.text_id)
        .limit(limit)
    )
    return [(found.text_id, found.verbatim_id, found.text) for found in connection.execute(query)]
