"""Totals of tokens and cost by source, counted from the attempts.

What the attempts do not account for keeps an empty source, so that no total changes.
"""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

PAID = """
SELECT a.run_id, coalesce(t.source, '') AS source, count(*), sum(a.input_tokens), sum(a.output_tokens), sum(a.cost_usd)
FROM attempts a LEFT JOIN texts t ON t.text_id = a.text_id GROUP BY 1, 2
"""
TOTALS = "FROM totals WHERE name IN ('input_tokens', 'output_tokens', 'cost_usd')"
ADD = """
INSERT INTO totals (run_id, process, name, label, detail, n, amount)
VALUES (:run_id, '', :name, :label, '', :n, :amount)
"""
ROUNDING = 1e-9
"""USD: what is left of a sum of floats is no cost."""

Series = tuple[str, str]
"""Run, or '' for all of them, and name."""


def upgrade() -> None:
    connection = op.get_bind()
    rows = [(run, name, label, n, usd) for (run, name), sums in _sums(connection) for label, (n, usd) in sums.items()]
    connection.execute(sa.text(f"DELETE {TOTALS}"))
    keys = ("run_id", "name", "label", "n", "amount")
    if rows:
        connection.execute(sa.text(ADD), [dict(zip(keys, row, strict=True)) for row in rows])


def _sums(connection: sa.Connection) -> list[tuple[Series, dict[str, tuple[int, float]]]]:
    """Each series, with its sums by source; the empty source has the rest."""
    by_source = _by_source(connection)
    found = []
    for series, (n, usd) in sorted(_before(connection).items()):
        sums = by_source[series]
        rest_n, rest_usd = n - sum(n for n, _ in sums.values()), usd - sum(usd for _, usd in sums.values())
        left, right = sums.pop("", (0, 0.0))
        if rest_n + left > 0 or rest_usd + right > ROUNDING:
            sums[""] = (rest_n + left, rest_usd + right)
        found.append((series, sums))
    return found


def _before(connection: sa.Connection) -> dict[Series, tuple[int, float]]:
    """The totals as they are: of each run, and of all of them, which the rows of processes are not yet part of."""
    sums: dict[Series, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for run_id, process, name, n, usd in connection.execute(
        sa.text(f"SELECT run_id, process, name, sum(n), sum(amount) {TOTALS} GROUP BY run_id, process, name")
    ):
        for key in {run_id, ""} if process else {run_id}:
            sums[key, name] = (sums[key, name][0] + int(n), sums[key, name][1] + float(usd))
    return sums


def _by_source(connection: sa.Connection) -> dict[Series, dict[str, tuple[int, float]]]:
    sums: dict[Series, dict[str, tuple[int, float]]] = defaultdict(lambda: defaultdict(lambda: (0, 0.0)))
    for run_id, source, calls, given, made, usd in connection.execute(sa.text(PAID)):
        paid = {"input_tokens": (given, 0.0), "output_tokens": (made, 0.0), "cost_usd": (calls, usd)}
        for key in (run_id, ""):
            for name, (n, amount) in paid.items():
                before = sums[key, name][source]
                sums[key, name][source] = (before[0] + int(n), before[1] + float(amount))
    return sums
