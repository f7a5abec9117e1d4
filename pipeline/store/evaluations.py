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
    """The latest evaluation of a series of analysers."""

    analyser: str
    """Its fingerprint."""
    shown_as: str
    """Its name, or the beginning of its fingerprint."""
    evaluated_at: str
    labels: int
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ComparisonShown:
    """A comparison of two analysers."""

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
        """The latest of each series, the newest first: what is accepted as a topic makes no evaluation stale."""
        newest = (
            sa.select(sa.func.max(evaluations.c.evaluation_id))
            .join(analysers, analysers.c.analyser == evaluations.c.analyser)
            .group_by(analysers.c.series)
        )
        query = (
            sa.select(evaluations, analysers.c.name)
            .join(analysers, analysers.c.analyser == evaluations.c.analyser)
            .where(evaluations.c.evaluation_id.in_(newest))
            .order_by(evaluations.c.evaluation_id.desc())
        )
        with self._database.read() as connection:
            return [
                EvaluationShown(
                    one.analyser,
                    one.name or one.analyser[:12],
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

    def found_worse(self, second: str) -> ComparisonShown | None:
        """The comparison that says of this analyser that it is worse than another; None where there is none.

        Only a later one with the same other analyser takes that back, if it says "not worse". Analysers that differ in
        their topics only are the same one here.
        """
        other, mine, me = analysers.alias(), analysers.alias(), analysers.alias()
        of_the_series = (mine.c.series == me.c.series) & (other.c.series != me.c.series)
        query = (
            sa.select(comparisons, other.c.series.label("other"))
            .join(other, other.c.analyser == comparisons.c.first)
            .join(mine, mine.c.analyser == comparisons.c.second)
            .join(me, me.c.analyser == second)
            .where(comparisons.c.verdict.in_(["worse", "not_worse"]), of_the_series | (comparisons.c.second == second))
            .order_by(comparisons.c.comparison_id)
        )
        with self._database.read() as connection:
            last = {one.other: one for one in connection.execute(query)}
        worse = [one for one in last.values() if one.verdict == "worse"]
        if not worse:
            return None
        one = max(worse, key=lambda found: found.comparison_id)
        return ComparisonShown(one.first, one.second, one.compared_at, one.verdict, json.loads(one.result))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
