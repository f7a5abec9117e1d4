"""What is spent and reserved of the budget, by UTC day and run.

Before a request may leave, the most that it can cost is added here, under the turn to claim; its commit replaces that
by what it did cost. What a process that was killed had reserved stays: nobody can tell what it was billed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from pipeline.claiming import Budget, CompletedRequest
from pipeline.records import Ask
from pipeline.store.database import Database, insert_of
from pipeline.store.tables import claims, spending

EXACT_USD = 1e-9
"""Sums of floats differ by less than this from the true ones; the smallest price of a token is a hundred times it."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one day and one run have spent and reserved, in USD."""

    day_usd: float
    run_usd: float


class Spending:
    """The spending of one process, for one run."""

    def __init__(self, database: Database, run_id: str, budget: Budget) -> None:
        self._process = database.process
        self._run_id = run_id
        self._budget = budget

    def affordable(self, connection: sa.Connection, asks: Sequence[Ask]) -> tuple[Ask, ...]:
        """The first of these that fit into what is left, which the caller claims and reserves."""
        if not asks:
            return ()
        left = self._left_usd(connection)
        for number, ask in enumerate(asks):
            left -= ask.worst_usd
            if left < -EXACT_USD:
                return tuple(asks[:number])
        return tuple(asks)

    def fits(self, connection: sa.Connection, usd: float) -> bool:
        """Whether so much more may be reserved."""
        return self._left_usd(connection) - usd >= -EXACT_USD

    def shortage(self, connection: sa.Connection, usd: float) -> str:
        """Which budget has no room for so much more, in words."""
        spent, budget = self._spent(connection), self._budget
        said = []
        if budget.run_usd is not None and spent.run_usd + usd > budget.run_usd:
            said.append(f"${spent.run_usd:.4f} of the {_amount(budget.run_usd)} of this run")
        if budget.day_usd is not None and spent.day_usd + usd > budget.day_usd:
            said.append(f"${spent.day_usd:.4f} of the {_amount(budget.day_usd)} of this UTC day")
        return f"the budget is used up: {' and '.join(said)} are spent or reserved, and a call may cost ${usd:.4f}"

    def reserve(self, connection: sa.Connection, usd: float) -> str:
        """Reserve so much of today's budget; returns the day, by which it is given back."""
        today = _today()
        self._add(connection, {today: usd})
        return today

    def settle(self, connection: sa.Connection, released: Sequence[Any], usd: float) -> None:
        """Replace reservations, as rows of `claims`, by what was spent: on the day of the first of them."""
        changes: dict[str, float] = defaultdict(float)
        for claim in released:
            if claim.reserved_on:
                changes[claim.reserved_on] -= claim.reserved_usd
        changes[next(iter(changes), _today())] += usd
        self._add(connection, changes)

    def _left_usd(self, connection: sa.Connection) -> float:
        budget = self._budget
        if budget.day_usd is None and budget.run_usd is None:
            return float("inf")
        spent = self._spent(connection)
        day = float("inf") if budget.day_usd is None else budget.day_usd - spent.day_usd
        return min(day, float("inf") if budget.run_usd is None else budget.run_usd - spent.run_usd)

    def _spent(self, connection: sa.Connection) -> Spent:
        return spent(connection, self._run_id)

    def _add(self, connection: sa.Connection, usd_by_day: dict[str, float]) -> None:
        who = {"run_id": self._run_id, "process": self._process}
        rows = [{"day": day, "usd": usd, **who} for day, usd in sorted(usd_by_day.items()) if usd]
        if rows:
            connection.execute(_adding(connection.dialect.name), rows)


@cache
def _adding(dialect: str) -> Any:
    statement = insert_of(dialect, spending)
    more = {"usd": spending.c.usd + statement.excluded.usd}
    return statement.on_conflict_do_update(index_elements=["day", "run_id", "process"], set_=more)


def spent(connection: sa.Connection, run_id: str, day: str | None = None) -> Spent:
    """What the UTC day, today if none is given, and the run have spent and reserved."""
    return Spent(spent_on(connection, day), _sum_usd(connection, spending.c.run_id == run_id))


def spent_on(connection: sa.Connection, day: str | None = None) -> float:
    """What all runs have spent and reserved on a UTC day, in USD; today if none is given."""
    return _sum_usd(connection, spending.c.day == (day or _today()))


def _sum_usd(connection: sa.Connection, which: sa.ColumnElement[bool]) -> float:
    total = sa.select(sa.func.coalesce(sa.func.sum(spending.c.usd), 0.0)).where(which)
    # floats that were given back may leave a trace below 0
    return max(float(connection.execute(total).scalar_one()), 0.0)


def paid_usd(ended: Sequence[CompletedRequest]) -> float:
    """What these have cost, and what they may have cost."""
    return sum(attempt.cost_usd + attempt.maybe_usd for one in ended for attempt in one.attempts)


def released(connection: sa.Connection, holder: str, ids: Sequence[int]) -> Sequence[Any]:
    """Delete a holder's claims on these texts; returns them, with what was reserved."""
    # only its own: a process that was taken for dead must not free the claims that another took over
    return connection.execute(_RELEASED, {"ids": list(ids), "by": holder}).all()


_RELEASED = (
    sa.delete(claims)
    .where(claims.c.text_id.in_(sa.bindparam("ids", expanding=True)), claims.c.holder == sa.bindparam("by"))
    .returning(claims.c.text_id, claims.c.reserved_usd, claims.c.reserved_on)
)


def _amount(usd: float) -> str:
    """A budget as it was given: one of less than a cent is not $0.00."""
    cents = f"{usd:.2f}"
    return f"${cents}" if float(cents) == usd else f"${usd:g}"


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
