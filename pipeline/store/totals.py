"""Totals since the first run and of each run, kept up in the transactions that change them.

Reading them adds up some dozen rows, however many verbatims there are. Edited and erased texts count as often as they
were analysed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa

from pipeline.records import Length, Outcome
from pipeline.store.database import Database, insert_of
from pipeline.store.deliveries import in_use
from pipeline.store.model_totals import ModelTotals
from pipeline.store.predicates import pending
from pipeline.store.spending import spent_on
from pipeline.store.tables import attempts, batches, deliveries, texts, totals


class Total(StrEnum):
    """What is counted, and by which labels."""

    ANALYSED = "analysed"
    """Verbatims, by source and sentiment."""
    SKIPPED = "skipped"
    """Verbatims, by source and reason."""
    LENGTHS = "lengths"
    """Analysed verbatims, by class of length."""
    NEW_TOPICS = "new_topics"
    TOPICS = "topics"
    """Of the reference base, by id: once for each verbatim that names it."""
    LANGUAGES = "languages"
    """Analysed verbatims, by language."""
    ATTEMPTS = "attempts"
    """By outcome, those of batches apart; the amount is the seconds of the others."""
    JSON_ERRORS = "json_errors"
    """By reason."""
    INPUT_TOKENS = "input_tokens"
    """By source."""
    OUTPUT_TOKENS = "output_tokens"
    """By source."""
    COST_USD = "cost_usd"
    """By source; as the amount."""
    LOAD_ERRORS = "load_errors"
    """By reason."""


BATCHED = "batch"
"""The second label of attempts that were part of a batch."""


class Tally:
    """What one transaction adds to the totals of a run."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Total, str, str], list[float]] = defaultdict(lambda: [0, 0.0])

    def add(self, total: Total, label: str = "", detail: str = "", *, n: int = 1, amount: float = 0.0) -> None:
        """Add to one series."""
        sums = self._sums[total, label, detail]
        sums[0] += n
        sums[1] += amount

    def write(self, connection: sa.Connection, run_id: str, process: str) -> None:
        """One statement, in the caller's transaction."""
        rows = [
            {"run_id": run_id, "process": process, "name": total, "label": label, "detail": detail, "n": n, "amount": a}
            for (total, label, detail), (n, a) in sorted(self._sums.items())
        ]
        if rows:
            connection.execute(_adding(connection.dialect.name), rows)


@cache
def _adding(dialect: str) -> Any:
    statement = insert_of(dialect, totals)
    given = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=list(totals.primary_key),
        set_={"n": totals.c.n + given.n, "amount": totals.c.amount + given.amount},
    )


def fold(connection: sa.Connection) -> None:
    """Add what processes have counted to their runs' totals and to those of all runs, in one row per series each.

    Safe at any moment: rows that are being written are left for the next call, and a process that counts on begins a
    new row. It waits for no lock, so that it cannot deadlock with the workers of another run.
    """
    free = sa.select(totals).where(totals.c.process != "").with_for_update(skip_locked=True)
    found = connection.execute(free).all()
    if not found:
        return
    tallies: dict[str, Tally] = defaultdict(Tally)
    for row in found:
        for run_id in (row.run_id, ""):
            tallies[run_id].add(Total(row.name), row.label, row.detail, n=row.n, amount=row.amount)
    key = {column.name: column for column in totals.primary_key}
    these = sa.and_(*(column == sa.bindparam(f"key_{name}") for name, column in key.items()))
    connection.execute(
        sa.delete(totals).where(these), [{f"key_{name}": getattr(row, name) for name in key} for row in found]
    )
    for run_id, tally in sorted(tallies.items()):
        tally.write(connection, run_id, "")


def read_run(
    connection: sa.Connection, run_id: str, names: Iterable[Total]
) -> Mapping[tuple[Total, str], tuple[int, float]]:
    """(total, label) → (n, amount) of one run."""
    query = (
        sa.select(totals.c.name, totals.c.label, sa.func.sum(totals.c.n), sa.func.sum(totals.c.amount))
        .where(totals.c.run_id == run_id, totals.c.name.in_(list(names)))
        .group_by(totals.c.name, totals.c.label)
    )
    return {(Total(name), label): (int(n), float(amount)) for name, label, n, amount in connection.execute(query)}


def success_ratio(connection: sa.Connection, run_id: str) -> float | None:
    """Valid answers ÷ ended attempts of a run over all processes; None before the first."""
    ended = {label: n for (_, label), (n, _) in read_run(connection, run_id, [Total.ATTEMPTS]).items()}
    return ended.get(Outcome.ANALYSED.value, 0) / sum(ended.values()) if ended else None


EVER = sa.text("(totals.run_id = '' OR totals.process <> '')")
"""What adds up to the totals since the first run: all that is folded, and what is not yet. As text, since only the
words of the index `totals_ever` make SQLite use it."""

_OPEN = sa.text("batches.state <> 'closed'")
"""As text, for the index `batches_open`."""


class StoreTotals:
    """Each method reads the store now, and raises what its database raises. Of all runs, or of one."""

    def __init__(self, database: Database, run_id: str | None = None) -> None:
        self._database = database
        self._run_id = run_id
        self.model = ModelTotals(database)

    def analysed(self) -> Mapping[tuple[str, str], int]:
        """(source, sentiment) → verbatims."""
        return {(source, sentiment): n for source, sentiment, n, _ in self._sums(Total.ANALYSED)}

    def skipped(self) -> Mapping[tuple[str, str], int]:
        """(source, reason) → verbatims."""
        return {(source, reason): n for source, reason, n, _ in self._sums(Total.SKIPPED)}

    def durations(self) -> Mapping[str, tuple[int, float]]:
        """Outcome → (attempts that were asked live, their seconds)."""
        return {outcome: (n, seconds) for outcome, how, n, seconds in self._sums(Total.ATTEMPTS) if how != BATCHED}

    def calls(self) -> Mapping[str, int]:
        """Outcome → ended attempts, live or in batches."""
        found: dict[str, int] = defaultdict(int)
        for outcome, _, n, _ in self._sums(Total.ATTEMPTS):
            found[outcome] += n
        return found

    def json_errors(self) -> Mapping[str, int]:
        """Reason → unreadable answers."""
        return {reason: n for reason, _, n, _ in self._sums(Total.JSON_ERRORS)}

    def empty_responses(self) -> int:
        """Answers without any content."""
        return self.calls().get(Outcome.EMPTY.value, 0)

    def tokens(self) -> Mapping[tuple[str, str], int]:
        """(source, input or output) → tokens paid."""
        kinds = {"input": Total.INPUT_TOKENS, "output": Total.OUTPUT_TOKENS}
        return {(source, kind): n for kind, total in kinds.items() for source, _, n, _ in self._sums(total)}

    def cost_usd(self) -> Mapping[str, float]:
        """Source → what its attempts have cost."""
        return {source: usd for source, _, _, usd in self._sums(Total.COST_USD)}

    def dead_letters(self) -> int:
        """Rows that the warehouse in use has refused and not taken since."""
        open_ones = (deliveries.c.warehouse == in_use()) & deliveries.c.problem.is_not(None)
        with self._database.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).where(open_ones)).scalar_one())

    def pending(self) -> int:
        """Verbatims of all runs that are worth a call and have no outcome yet."""
        with self._database.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).where(pending())).scalar_one())

    def spent_today_usd(self) -> float:
        """What all runs have spent and reserved in the current UTC day."""
        with self._database.read() as connection:
            return spent_on(connection)

    def open_batches(self) -> int:
        """Message Batches of all runs that are not closed."""
        with self._database.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(batches).where(_OPEN)).scalar_one())

    def oldest_batch_at(self) -> float | None:
        """When the oldest batch that is not closed was made, in seconds since 1970; None where there is none."""
        with self._database.read() as connection:
            made_at: str | None = connection.execute(sa.select(sa.func.min(batches.c.made_at)).where(_OPEN)).scalar()
        return datetime.fromisoformat(made_at).timestamp() if made_at else None

    def last_size(self) -> int | None:
        """Masked characters of the verbatim last sent; None before the first."""
        query = (
            sa.select(texts.c.characters)
            .join(attempts, attempts.c.text_id == texts.c.text_id)
            .order_by(attempts.c.sent_at.desc(), attempts.c.attempt_id.desc())
            .limit(1)
        )
        if self._run_id is not None:
            query = query.where(attempts.c.run_id == self._run_id)
        with self._database.read() as connection:
            size: int | None = connection.execute(query).scalar()
        return size

    def lengths(self) -> Mapping[str, int]:
        """Length class → verbatims analysed."""
        return {length.value: 0 for length in Length} | {length: n for length, _, n, _ in self._sums(Total.LENGTHS)}

    def new_topics(self) -> int:
        """Themes outside the reference base, each as often as a verbatim names it."""
        return sum(n for _, _, n, _ in self._sums(Total.NEW_TOPICS))

    def topics(self) -> Mapping[str, int]:
        """Topic of the reference base → verbatims that name it."""
        return {topic: n for topic, _, n, _ in self._sums(Total.TOPICS)}

    def languages(self) -> Mapping[str, int]:
        """Language → verbatims analysed."""
        return {language: n for language, _, n, _ in self._sums(Total.LANGUAGES)}

    def load_errors(self) -> Mapping[str, int]:
        """Reason → rows or jobs that did not reach the warehouse."""
        return {reason: n for reason, _, n, _ in self._sums(Total.LOAD_ERRORS)}

    def success_ratio(self) -> float | None:
        """Valid answers ÷ ended attempts of the run, or of the latest that has any; None before the first."""
        latest = sa.select(attempts.c.run_id).order_by(attempts.c.attempt_id.desc()).limit(1)
        with self._database.read() as connection:
            run_id = self._run_id or connection.execute(latest).scalar()
            return success_ratio(connection, run_id) if run_id is not None else None

    def _sums(self, total: Total) -> list[tuple[str, str, int, float]]:
        query = (
            sa.select(totals.c.label, totals.c.detail, sa.func.sum(totals.c.n), sa.func.sum(totals.c.amount))
            .where(totals.c.name == total.value, EVER if self._run_id is None else totals.c.run_id == self._run_id)
            .group_by(totals.c.label, totals.c.detail)
        )
        with self._database.read() as connection:
            return [(label, detail, int(n), float(amount)) for label, detail, n, amount in connection.execute(query)]
