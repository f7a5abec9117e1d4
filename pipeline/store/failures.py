"""Records that have no row in the warehouse although they should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.records import Outcome
from pipeline.store.counts import UNREADABLE_RECORD, outcome_in, read_by
from pipeline.store.deliveries import in_use
from pipeline.store.intake import NOT_FAILURES
from pipeline.store.predicates import GOOD, LATEST
from pipeline.store.tables import analyses, answers, attempts, deliveries, run_records, texts

LOAD_REFUSED = "load_refused"
"""How an analysed verbatim is listed whose row the warehouse did not take."""

_PAID = ("input_tokens", "output_tokens", "cost_usd")


@dataclass(frozen=True, slots=True)
class Failure:
    """What `verbatims failed` lists."""

    position: int
    source: str | None
    external_id: str | None
    outcome: str
    detail: str | None
    """The problem of the record, the kind of unreadable answer, the error of the call, the category of a refusal, or
    what the warehouse said."""
    input_tokens: int
    """Of all calls for this version of the text that ended without a good answer, in whatever run. 0 where an identical
    text has paid."""
    output_tokens: int
    cost_usd: float
    trace_id: str | None


def failures(connection: sa.Connection, run_id: str) -> list[Failure]:
    """See `Runs.failures`."""
    outcome = outcome_in(run_id)
    theirs = attempts.alias("theirs")
    last = sa.select(sa.func.max(theirs.c.attempt_id)).where(theirs.c.text_id == texts.c.text_id).scalar_subquery()
    undone = outcome.is_(None) & LATEST & (attempts.c.outcome == Outcome.FAILED.value)
    gone = outcome.is_(None) & LATEST & texts.c.erased & texts.c.skip_reason.is_(None)
    unread = run_records.c.problem.is_not(None) & run_records.c.problem.not_in(NOT_FAILURES)
    wasted = _wasted(run_id)
    query = (
        sa.select(
            run_records.c.position,
            run_records.c.problem,
            texts.c.source,
            texts.c.external_id,
            outcome.label("outcome"),
            attempts.c.json_error,
            attempts.c.error,
            attempts.c.refusal,
            attempts.c.trace_id,
            *(wasted.c[name] for name in _PAID),
        )
        .select_from(
            run_records.outerjoin(texts, texts.c.text_id == run_records.c.text_id)
            .outerjoin(attempts, attempts.c.attempt_id == last)
            .outerjoin(wasted, wasted.c.text_id == texts.c.text_id)
        )
        .where(run_records.c.run_id == run_id, undone | gone | (outcome != GOOD) | unread)
        .order_by(run_records.c.position)
    )
    failed = [_failure(found) for found in connection.execute(query)]
    return failed + [_dead_letter(found) for found in connection.execute(_dead_letters(run_id))]


def _wasted(run_id: str) -> sa.Subquery:
    """What was paid, by text, for calls that ended without a good answer."""
    sums = [sa.func.sum(attempts.c[name]).label(name) for name in _PAID]
    query = sa.select(attempts.c.text_id, *sums).where(attempts.c.text_id.in_(read_by(run_id)))
    return query.where(attempts.c.outcome != GOOD).group_by(attempts.c.text_id).subquery()


def _dead_letters(run_id: str) -> sa.Select[Any]:
    wasted = _wasted(run_id)
    return (
        sa.select(run_records.c.position, texts.c.source, texts.c.external_id, deliveries.c.problem, answers.c.trace_id)
        .add_columns(*(wasted.c[name] for name in _PAID))
        .select_from(
            run_records.join(texts, texts.c.text_id == run_records.c.text_id)
            .join(deliveries, deliveries.c.verbatim_id == texts.c.verbatim_id)
            .join(analyses, analyses.c.analysis_id == texts.c.current)
            .join(answers, answers.c.request_key == analyses.c.request_key)
            .outerjoin(wasted, wasted.c.text_id == texts.c.text_id)
        )
        .where(run_records.c.run_id == run_id, LATEST)
        .where(deliveries.c.warehouse == in_use(), deliveries.c.problem.is_not(None))
        .order_by(run_records.c.position)
    )


def _dead_letter(found: Any) -> Failure:
    return _made(found, LOAD_REFUSED, found.problem)


def _failure(found: Any) -> Failure:
    if found.problem is not None:
        return Failure(found.position, None, None, UNREADABLE_RECORD, found.problem, 0, 0, 0.0, None)
    return _made(found, found.outcome or Outcome.FAILED.value, found.json_error or found.error or found.refusal)


def _made(found: Any, outcome: str, detail: str | None) -> Failure:
    return Failure(
        position=found.position,
        source=found.source,
        external_id=found.external_id,
        outcome=outcome,
        detail=detail,
        input_tokens=int(found.input_tokens or 0),
        output_tokens=int(found.output_tokens or 0),
        cost_usd=found.cost_usd or 0.0,
        trace_id=found.trace_id,
    )
