"""Results of evaluations and comparisons, per analyser: numbers, no texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from pipeline.store.database import Database
from pipeline.store.model_tables import comparisons, evaluations
from pipeline.store.tables import analysers


@dataclass(frozen=True, slots=True)
class EvaluationShown:
    """The latest evaluation of an analyser."""

    analyser: str
    """Its fingerprint."""
    shown_as: str
    """Its name, or the beginning of its fingerprint."""
    series: str
    evaluated_at: str
    labels: int
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ComparisonShown:
    """The latest comparison of two analysers."""

    first: str
    second: str
    compared_at: str
    verdict: str
    result: dict[str, Any]


class Evaluations:
    """The evaluations and comparisons of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, analyser: str, labels: int, result: dict[str, Any]) -> None:
        """Keep what an evaluation came to."""
        row = {"analyser": analyser, "labels": labels, "evaluated_at": _now(), "result": json.dumps(result)}
        with self._database.write() as connection:
            connection.execute(sa.insert(evaluations), row)

    def latest(self) -> list[EvaluationShown]:
        """The latest of each analyser, the newest first."""
        newest = sa.select(sa.func.max(evaluations.c.evaluation_id)).group_by(evaluations.c.analyser)
        query = (
            sa.select(evaluations, analysers.c.name, analysers.c.series)
            .join(analysers, analysers.c.analyser == evaluations.c.analyser)
            .where(evaluations.c.evaluation_id.in_(newest))
            .order_by(evaluations.c.evaluation_id.desc())
        )
        with self._database.read() as connection:
            return [
                EvaluationShown(
                    one.analyser,
                    one.name or one.analyser[:12],
                    one.series,
                    one.evaluated_at,
                    one.labels,
                    json.loads(one.result),
                )
                for one in connection.execute(query)
            ]

    def add_comparison(self, first: str, second: str, verdict: str, result: dict[str, Any]) -> None:
        """Keep what a comparison came to."""
        row = {"first": first, "second": second, "verdict": verdict, "compared_at": _now()}
        with self._database.write() as connection:
            connection.execute(sa.insert(comparisons), row | {"result": json.dumps(result)})

    def last_comparison(self, second: str) -> ComparisonShown | None:
        """The latest in which this analyser was the second; None where there was none."""
        query = sa.select(comparisons).where(comparisons.c.second == second)
        with self._database.read() as connection:
            one = connection.execute(query.order_by(comparisons.c.comparison_id.desc()).limit(1)).first()
        if one is None:
            return None
        return ComparisonShown(one.first, one.second, one.compared_at, one.verdict, json.loads(one.result))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
