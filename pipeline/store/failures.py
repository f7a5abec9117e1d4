"""Records that have no row in the warehouse although they should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.records import Outcome
from pipeline.store.counts import UNREADABLE_RECORD, outcome_in
from pipeline.store.deliveries import in_use
from pipeline.store.intake import NOT_FAILURES
from pipeline.store.predicates import GOOD, LATEST
from pipeline.store.tables import analyses, answers, attempts, deliveries, run_records, texts

LOAD_REFUSED = "load_refused"
"""How an analysed verbatim is listed whose row the warehouse did not take."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What `verbatims failed` lists."""

    position: int
    source: str | None
    external_id: str | None
    outcome: str
    detail: str | None
    """The problem of the record, the kind of unreadable answer, the error of the call, or what the warehouse said."""
    trace_id: str | None


def failures(connection: sa.Connection, run_id: str) -> list[Failure]:
    """See `Runs.failures`."""
    outcome = outcome_in(run_id)
    theirs = attempts.alias("theirs")
    last = sa.select(sa.func.max(theirs.c.attempt_id)).where(theirs.c.text_id == texts.c.text_id).scalar_subquery()
    undone = outcome.is_(None) & LATEST & (attempts.c.outcome == Outcome.FAILED.value)
    gone = outcome.is_(None) & LATEST & texts.c.erased & texts.c.skip_reason.is_(None)
    unread = run_records.c.problem.is_not(None) & run_records.c.problem.not_in(NOT_FAILURES)
    query = (
        sa.select(
            run_records.c.position,
            run_records.c.problem,
            texts.c.source,
            texts.c.external_id,
            outcome.label("outcome"),
            attempts.c.json_error,
            attempts.c.error,
            attempts.c.trace_id,
        )
        .select_from(
            run_records.outerjoin(texts, texts.c.text_id == run_records.c.text_id).outerjoin(
                attempts, attempts.c.attempt_id == last
            )
        )
        .where(run_records.c.run_id == run_id, undone | gone | (outcome != GOOD) | unread)
        .order_by(run_records.c.position)
    )
    failed = [_failure(found) for found in connection.execute(query)]
    return failed + [_dead_letter(found) for found in connection.execute(_dead_letters(run_id))]


def _dead_letters(run_id: str) -> sa.Select[Any]:
    return (
        sa.select(run_records.c.position, texts.c.source, texts.c.external_id, deliveries.c.problem, answers.c.trace_id)
        .select_from(
            run_records.join(texts, texts.c.text_id == run_records.c.text_id)
            .join(deliveries, deliveries.c.verbatim_id == texts.c.verbatim_id)
            .join(analyses, analyses.c.analysis_id == texts.c.current)
            .join(answers, answers.c.request_key == analyses.c.request_key)
        )
        .where(run_records.c.run_id == run_id, LATEST)
        .where(deliveries.c.warehouse == in_use(), deliveries.c.problem.is_not(None))
        .order_by(run_records.c.position)
    )


def _dead_letter(found: Any) -> Failure:
    return Failure(found.position, found.source, found.external_id, LOAD_REFUSED, found.problem, found.trace_id)


def _failure(found: Any) -> Failure:
    if found.problem is not None:
        return Failure(found.position, None, None, UNREADABLE_RECORD, found.problem, None)
    return Failure(
        position=found.position,
        source=found.source,
        external_id=found.external_id,
        outcome=found.outcome or Outcome.FAILED.value,
        detail=found.json_error or found.error,
        trace_id=found.trace_id,
    )
