"""What happened to each record that a run has read, counted once, and what the run has paid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from pipeline.store.deliveries import in_use, is_rejected
from pipeline.store.intake import NOT_FAILURES
from pipeline.store.model_tables import sentinel_answers
from pipeline.store.predicates import ANALYSED, GOOD, LATEST
from pipeline.store.tables import analyses, answers, deliveries, run_records, runs, texts, totals
from pipeline.store.totals import EVER, Total, read_run

UNREADABLE_RECORD = "unreadable_record"
"""How a record that could not be read at all counts among the failed."""

WITHDRAWN = "withdrawn"
"""How a text counts among the skipped that was edited or forgotten before anybody had analysed it."""

ERASED = "failed"
"""How a text counts among the failed whose words went by age before anybody had analysed it."""


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

    def settled(self, in_batches: int = 0) -> RunCounts:
        """Those of a run that came to its end: what is still pending then has failed in it.

        `in_batches`: so many stay pending, since batches hold them.
        """
        failing = max(self.pending - in_batches, 0)
        if not failing:
            return self
        failed = {**self.failed, "failed": self.failed.get("failed", 0) + failing}
        return replace(self, failed=failed, pending=self.pending - failing)


def count_run(connection: sa.Connection, run_id: str) -> RunCounts:
    """See `Runs.count`. Records are counted anew each time, since another run may have answered them meanwhile."""
    kinds = _by_kind(connection, run_id)
    paid = _paid(connection, run_id)
    refused = sa.select(sa.func.count()).where(texts.c.text_id.in_(read_by(run_id)), LATEST, is_rejected())
    failed_loads = sa.select(runs.c.failed_loads).where(runs.c.run_id == run_id)
    return RunCounts(
        scraped=sum(kinds.values()),
        analysed=kinds.get(("analysed", ""), 0),
        from_cache=kinds.get(("from_cache", ""), 0),
        pending=kinds.get(("pending", ""), 0),
        skipped=_named(kinds, "skipped"),
        failed=_named(kinds, "failed"),
        calls=int(paid[Total.ATTEMPTS][0]),
        input_tokens=int(paid[Total.INPUT_TOKENS][0]),
        output_tokens=int(paid[Total.OUTPUT_TOKENS][0]),
        cost_usd=paid[Total.COST_USD][1],
        load_refused=connection.execute(refused).scalar_one() + (connection.execute(failed_loads).scalar() or 0),
    )


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What the store knows of the rows in a warehouse, as a run is to be published."""

    made: int
    """Whose current analysis the run has made; no dead letters among them."""
    read: int
    """Analysed, whenever, of what the run read."""
    refused: int
    """Of those read, dead letters."""
    ever: int
    """Analysed in all runs; no dead letters among them."""


def count_rows(connection: sa.Connection, run_id: str) -> RowCounts:
    """Count what should be there."""
    dead = is_rejected()
    read = sa.select(texts.c.text_id).where(texts.c.text_id.in_(read_by(run_id)), ANALYSED, LATEST)
    made = (
        sa.select(texts.c.text_id)
        .join(analyses, (analyses.c.text_id == texts.c.text_id) & (analyses.c.analysis_id == texts.c.current))
        .where(analyses.c.run_id == run_id, LATEST, ~dead)
    )
    # one statement, which sees one moment while other processes work on
    query = sa.select(_number(made), _number(read), _number(read.where(dead)), _number_ever())
    return RowCounts(*map(int, connection.execute(query).one()))


def _number_ever() -> sa.ColumnElement[int]:
    """All that was ever counted as analysed, less what another text has replaced, less dead letters.

    Counting the texts themselves would take 0.1 s per million.
    """
    of_all = sa.select(sa.func.coalesce(sa.func.sum(totals.c.n), 0)).where(totals.c.name == Total.ANALYSED.value, EVER)
    replaced = sa.select(texts.c.text_id).where(texts.c.superseded, ANALYSED)
    dead = (
        sa.select(texts.c.text_id)
        .join(deliveries, deliveries.c.verbatim_id == texts.c.verbatim_id)
        .where(deliveries.c.warehouse == in_use(), deliveries.c.problem.is_not(None), ANALYSED, LATEST)
    )
    return of_all.scalar_subquery() - _number(replaced) - _number(dead)


def _number(found: sa.Select[Any]) -> sa.ScalarSelect[int]:
    return found.with_only_columns(sa.func.count(), maintain_column_froms=True).scalar_subquery()


def count_held(connection: sa.Connection, run_id: str) -> int:
    """See `Runs.count_held`."""
    sent = sa.exists().where(
        deliveries.c.warehouse == in_use(),
        deliveries.c.verbatim_id == texts.c.verbatim_id,
        deliveries.c.sent > 0,
        deliveries.c.problem.is_(None),
    )
    query = sa.select(sa.func.count()).where(texts.c.text_id.in_(read_by(run_id)), ANALYSED, LATEST, sent)
    return int(connection.execute(query).scalar_one())


def too_long(connection: sa.Connection, run_id: str, limit: int) -> list[int]:
    """See `Runs.too_long`."""
    query = (
        sa.select(run_records.c.position)
        .join(texts, texts.c.text_id == run_records.c.text_id)
        .where(run_records.c.run_id == run_id, texts.c.skip_reason == "too_long")
        .order_by(run_records.c.position)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def read_by(run_id: str) -> sa.Select[Any]:
    """Texts that a run has read."""
    return sa.select(run_records.c.text_id).where(run_records.c.run_id == run_id, run_records.c.text_id.is_not(None))


def outcome_in(run_id: str) -> sa.ColumnElement[Any]:
    """How the text ended as far as this run is concerned: by its own analyser in a re-analysis, else by any.

    A run of the sentinel has answers of its own.

    A good analysis counts before a failure, since it is current; of failures the latest counts.
    """
    again = sa.select(runs.c.analyser).where(runs.c.run_id == run_id).scalar_subquery()
    best = sa.case((analyses.c.outcome == GOOD, 1), else_=0).desc()
    found = (
        sa.select(analyses.c.outcome)
        .where(analyses.c.text_id == texts.c.text_id)
        .where(again.is_(None) | (analyses.c.analyser == again))
        .order_by(best, analyses.c.analysis_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    purpose = sa.select(runs.c.purpose).where(runs.c.run_id == run_id).scalar_subquery()
    compared = sa.select(sentinel_answers.c.outcome).where(_compared_in(run_id)).scalar_subquery()
    return sa.case((purpose.is_(None), found), else_=compared)


def _by_kind(connection: sa.Connection, run_id: str) -> dict[tuple[str, str], int]:
    outcome = outcome_in(run_id)
    skipped, failed = run_records.c.problem.in_(NOT_FAILURES), run_records.c.problem.is_not(None)
    # the first that holds counts, so that the kinds add up to what was scraped
    kinds = [
        (skipped, "skipped", run_records.c.problem),
        (failed, "failed", sa.literal(UNREADABLE_RECORD)),
        (texts.c.skip_reason.is_not(None), "skipped", texts.c.skip_reason),
        ((outcome == GOOD) & _paid_in(run_id), "analysed", sa.literal("")),
        (outcome == GOOD, "from_cache", sa.literal("")),
        (outcome.is_not(None), "failed", outcome),
        (texts.c.superseded, "skipped", sa.literal(WITHDRAWN)),
        (texts.c.erased, "failed", sa.literal(ERASED)),
    ]
    labelled = (
        sa.select(
            sa.case(*((which, kind) for which, kind, _ in kinds), else_="pending").label("kind"),
            sa.case(*((which, detail) for which, _, detail in kinds), else_="").label("detail"),
        )
        .select_from(run_records.outerjoin(texts, texts.c.text_id == run_records.c.text_id))
        .where(run_records.c.run_id == run_id)
        .subquery()
    )
    query = sa.select(labelled, sa.func.count().label("n")).group_by(labelled.c.kind, labelled.c.detail)
    return {(found.kind, found.detail): found.n for found in connection.execute(query)}


def _compared_in(run_id: str) -> sa.ColumnElement[bool]:
    return (sentinel_answers.c.run_id == run_id) & (sentinel_answers.c.text_id == texts.c.text_id)


def _paid_in(run_id: str) -> sa.ColumnElement[bool]:
    """The run has made an analysis of the text, and paid for its answer with this very text."""
    return sa.exists().where(_compared_in(run_id)) | sa.exists().where(
        analyses.c.text_id == texts.c.text_id,
        analyses.c.run_id == run_id,
        answers.c.request_key == analyses.c.request_key,
        answers.c.run_id == run_id,
        answers.c.text_id == texts.c.text_id,
    )


def _paid(connection: sa.Connection, run_id: str) -> dict[Total, tuple[int, float]]:
    names = (Total.ATTEMPTS, Total.INPUT_TOKENS, Total.OUTPUT_TOKENS, Total.COST_USD)
    sums = {name: (0, 0.0) for name in names}
    for (name, _), (n, amount) in read_run(connection, run_id, names).items():
        sums[name] = (sums[name][0] + n, sums[name][1] + amount)
    return sums


def _named(kinds: dict[tuple[str, str], int], kind: str) -> dict[str, int]:
    return {detail: n for (found, detail), n in sorted(kinds.items()) if found == kind}
