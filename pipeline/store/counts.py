"""What happened to each record that a run has read, counted once, and what the run has paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.records import Outcome
from pipeline.store.database import Database
from pipeline.store.store import NOT_FAILURES
from pipeline.store.tables import answers, calls, load_errors, readings, verbatims

UNREADABLE_RECORD = "unreadable_record"
"""How a record that could not be read at all counts among the failed."""

LOAD_REFUSED = "load_refused"
"""How an analysed verbatim is listed whose row the warehouse did not take."""

WITHDRAWN = "withdrawn"
"""How a text counts among the skipped that was edited or forgotten before anybody had analysed it."""


@dataclass(frozen=True, slots=True)
class RunCounts:
    """A run in numbers. scraped = analysed + from_cache + failed + skipped + pending."""

    scraped: int
    analysed: int
    """Answers newly paid by this run."""
    from_cache: int
    """Answered in an earlier run, by another process, or by an identical text."""
    skipped: dict[str, int]
    failed: dict[str, int]
    pending: int
    """Kept, and not decided: the run was stopped, or the calls failed in a way that the next run repeats."""
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    load_refused: int
    """Rows that the warehouse has not taken so far, plus whole jobs that failed behind the run's last good load."""


def count_run(database: Database, run_id: str) -> RunCounts:
    """Count one run; correct at any moment, while other processes work on it too."""
    with database.read() as connection:
        kinds = _by_kind(connection, run_id)
        paid = connection.execute(_calls(run_id)).one()
        refused = connection.execute(
            sa.select(sa.func.count())
            .select_from(
                load_errors.outerjoin(
                    verbatims, (verbatims.c.verbatim_id == load_errors.c.verbatim_id) & ~verbatims.c.superseded
                )
            )
            .where(load_errors.c.run_id == run_id, load_errors.c.mended_at.is_(None))
            .where(load_errors.c.verbatim_id.is_(None) | verbatims.c.row.is_not(None))
        ).scalar_one()
    return RunCounts(
        scraped=sum(kinds.values()),
        analysed=kinds.get(("analysed", ""), 0),
        from_cache=kinds.get(("from_cache", ""), 0),
        pending=kinds.get(("pending", ""), 0),
        skipped=_named(kinds, "skipped"),
        failed=_named(kinds, "failed"),
        calls=paid.calls,
        input_tokens=int(paid.input_tokens or 0),
        output_tokens=int(paid.output_tokens or 0),
        cost_usd=float(paid.cost_usd or 0.0),
        load_refused=refused,
    )


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What the store knows of the rows in a warehouse, as a run is to be published."""

    made: int
    """Analysed first by the run, and still so; no dead letters among them."""
    read: int
    """Analysed, whenever, of what the run read."""
    refused: int
    """Of those read, dead letters."""
    ever: int
    """Analysed in all runs; no dead letters among them."""


def count_rows(database: Database, run_id: str) -> RowCounts:
    """Count what should be there."""
    dead = verbatims.c.verbatim_id.in_(
        sa.select(load_errors.c.verbatim_id).where(
            load_errors.c.mended_at.is_(None), load_errors.c.verbatim_id.is_not(None)
        )
    )
    mine = verbatims.c.row.in_(sa.select(readings.c.row).where(readings.c.run_id == run_id))
    counted = {"made": (verbatims.c.run_id == run_id) & ~dead, "read": mine, "refused": mine & dead, "ever": ~dead}
    query = sa.select(*(sa.func.coalesce(sa.func.sum(sa.case((which, 1), else_=0)), 0) for which in counted.values()))
    current = (verbatims.c.outcome == Outcome.ANALYSED.value) & ~verbatims.c.superseded
    with database.read() as connection:
        return RowCounts(*map(int, connection.execute(query.where(current)).one()))


def _by_kind(connection: sa.Connection, run_id: str) -> dict[tuple[str, str], int]:
    paid_here = (answers.c.run_id == run_id) & (answers.c.row == verbatims.c.row)
    kind = sa.case(
        (readings.c.problem.in_(NOT_FAILURES), "skipped"),
        (readings.c.problem.is_not(None), "failed"),
        (verbatims.c.outcome == "skipped", "skipped"),
        ((verbatims.c.outcome == Outcome.ANALYSED.value) & paid_here, "analysed"),
        (verbatims.c.outcome == Outcome.ANALYSED.value, "from_cache"),
        (verbatims.c.outcome.is_not(None), "failed"),
        (verbatims.c.superseded, "skipped"),
        else_="pending",
    )
    detail = sa.case(
        (readings.c.problem.in_(NOT_FAILURES), readings.c.problem),
        (readings.c.problem.is_not(None), UNREADABLE_RECORD),
        (verbatims.c.outcome == "skipped", verbatims.c.reason),
        (verbatims.c.outcome == Outcome.ANALYSED.value, ""),
        (verbatims.c.outcome.is_not(None), verbatims.c.outcome),
        (verbatims.c.superseded, WITHDRAWN),
        else_="",
    )
    read = readings.outerjoin(verbatims, verbatims.c.row == readings.c.row).outerjoin(
        answers, answers.c.request_key == verbatims.c.answer_key
    )
    labelled = (
        sa.select(kind.label("kind"), detail.label("detail"))
        .select_from(read)
        .where(readings.c.run_id == run_id)
        .subquery()
    )
    query = sa.select(labelled, sa.func.count().label("n")).group_by(labelled.c.kind, labelled.c.detail)
    return {(found.kind, found.detail): found.n for found in connection.execute(query)}


def _calls(run_id: str) -> sa.Executable:
    return sa.select(
        sa.func.count().label("calls"),
        sa.func.sum(calls.c.input_tokens).label("input_tokens"),
        sa.func.sum(calls.c.output_tokens).label("output_tokens"),
        sa.func.sum(calls.c.cost_usd).label("cost_usd"),
    ).where(calls.c.run_id == run_id)


def _named(kinds: dict[tuple[str, str], int], kind: str) -> dict[str, int]:
    return {detail: n for (found, detail), n in sorted(kinds.items()) if found == kind}


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that has no row in the warehouse although it should: what `verbatims failed` lists."""

    position: int
    source: str | None
    external_id: str | None
    outcome: str
    detail: str | None
    """The problem of the record, the kind of unreadable answer, the error of the call, or what the warehouse said."""
    trace_id: str | None


def failures(database: Database, run_id: str) -> list[Failure]:
    """The run's failed records in the order they were read, then its dead letters; texts are not among the fields."""
    last = sa.select(calls.c.row, sa.func.max(calls.c.call).label("call")).group_by(calls.c.row).subquery("last")
    undone = verbatims.c.outcome.is_(None) & ~verbatims.c.superseded & (calls.c.outcome == Outcome.FAILED.value)
    lost = verbatims.c.outcome.is_not(None) & verbatims.c.outcome.not_in(["skipped", Outcome.ANALYSED.value])
    unread = readings.c.problem.is_not(None) & readings.c.problem.not_in(NOT_FAILURES)
    query = (
        sa.select(
            readings.c.position,
            readings.c.problem,
            verbatims.c.source,
            verbatims.c.external_id,
            verbatims.c.outcome,
            calls.c.json_error,
            calls.c.error,
            calls.c.trace_id,
        )
        .select_from(
            readings.outerjoin(verbatims, verbatims.c.row == readings.c.row)
            .outerjoin(last, last.c.row == verbatims.c.row)
            .outerjoin(calls, calls.c.call == last.c.call)
        )
        .where(readings.c.run_id == run_id, undone | lost | unread)
        .order_by(readings.c.position)
    )
    with database.read() as connection:
        failed = [_failure(found) for found in connection.execute(query)]
        return failed + [_dead_letter(found) for found in connection.execute(_refused(run_id))]


def too_long(database: Database, run_id: str, limit: int) -> list[int]:
    """The places of texts that this run's input holds and that were skipped for their length."""
    query = (
        sa.select(readings.c.position)
        .join(verbatims, verbatims.c.row == readings.c.row)
        .where(readings.c.run_id == run_id, verbatims.c.reason == "too_long")
        .order_by(readings.c.position)
        .limit(limit)
    )
    with database.read() as connection:
        return list(connection.execute(query).scalars())


def _refused(run_id: str) -> sa.Select[Any]:
    """The run's dead letters; a verbatim that only an earlier run has read has no position in this one."""
    place = sa.select(readings.c.position).where(readings.c.run_id == run_id, readings.c.row == verbatims.c.row)
    return (
        sa.select(
            sa.func.coalesce(place.scalar_subquery(), 0).label("position"),
            verbatims.c.source,
            verbatims.c.external_id,
            load_errors.c.problem,
            load_errors.c.reason,
            answers.c.trace_id,
        )
        .select_from(
            load_errors.join(verbatims, verbatims.c.verbatim_id == load_errors.c.verbatim_id).outerjoin(
                answers, answers.c.request_key == verbatims.c.answer_key
            )
        )
        .where(load_errors.c.run_id == run_id, load_errors.c.mended_at.is_(None), ~verbatims.c.superseded)
        .order_by("position")
    )


def _dead_letter(found: Any) -> Failure:
    return Failure(
        found.position, found.source, found.external_id, LOAD_REFUSED, found.problem or found.reason, found.trace_id
    )


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
