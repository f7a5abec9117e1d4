"""Pages of texts that several nouns of the store read."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from pipeline.claiming import Unanswered
from pipeline.records import Outcome
from pipeline.store.tables import attempts, run_records, texts

NEVER_ANSWERED = (0, False)


def pending_page(
    connection: sa.Connection,
    run_id: str,
    analyser: str,
    is_pending: sa.ColumnElement[bool],
    after: int,
    limit: int,
    purpose: str | None = None,
) -> list[Unanswered]:
    """A run's next texts to analyse behind a text id. `analyser`: who is to be asked; `purpose`: as in runs."""
    query = (
        sa.select(texts.c.text_id, texts.c.verbatim_id, texts.c.text, texts.c.source)
        .join(run_records, run_records.c.text_id == texts.c.text_id)
        .where(run_records.c.run_id == run_id, run_records.c.text_id > after, is_pending)
        .order_by(run_records.c.text_id)
        .limit(limit)
    )
    page = connection.execute(query).all()
    earlier = earlier_answers(connection, analyser, [one.text_id for one in page], run_id if purpose else None)
    return [
        Unanswered(one.text_id, one.verbatim_id, one.text, one.source, None, *earlier.get(one.text_id, NEVER_ANSWERED))
        for one in page
    ]


def earlier_answers(
    connection: sa.Connection, analyser: str, ids: Sequence[int], asked_again_in: str | None = None
) -> dict[int, tuple[int, bool]]:
    """Text → how often it was answered in vain, and whether the last answer was cut before its first word.

    `asked_again_in`: a run of the sentinel, whose answers count for themselves.
    """
    mine = attempts.c.run_id == asked_again_in if asked_again_in else attempts.c.purpose.is_(None)
    theirs = attempts.c.text_id.in_(ids) & (attempts.c.analyser == analyser) & mine
    query = (
        sa.select(attempts.c.text_id, attempts.c.outcome, attempts.c.raw)
        .where(theirs, attempts.c.outcome != Outcome.FAILED.value)
        .order_by(attempts.c.attempt_id)
    )
    found: dict[int, tuple[int, bool]] = {}
    for one in connection.execute(query):
        wordless = one.outcome == Outcome.TRUNCATED.value and not (one.raw or "").strip()
        found[one.text_id] = (found.get(one.text_id, NEVER_ANSWERED)[0] + 1, wordless)
    return found
