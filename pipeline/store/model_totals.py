"""What the store knows of the model, as gauges: some hundred small rows, however many answers there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.store.database import Database
from pipeline.store.evaluations import Evaluations
from pipeline.store.nights import Judged, Nights
from pipeline.store.sentinel import Sentinel

EVERYWHERE = "all"
"""The source of what is said of the whole installation."""

ByLabels = Mapping[tuple[str, ...], float]
"""The labels of a series → its value: source, signal, and for shares the sentiment, which may be empty."""


class ModelTotals:
    """Each method reads the store now."""

    def __init__(self, database: Database) -> None:
        self._nights = Nights(database)
        self._evaluations = Evaluations(database)
        self._sentinel = Sentinel(database)

    def scores(self) -> ByLabels:
        """The largest of each signal's shares, where there is enough to judge."""
        found: dict[tuple[str, ...], float] = {}
        for one in self._nights.verdicts():
            if one.score is not None:
                found[_source(one), one.signal] = max(one.score, found.get((_source(one), one.signal), 0.0))
        return found

    def ready(self) -> ByLabels:
        """1 where all shares of a signal could be judged, else 0."""
        found: dict[tuple[str, ...], float] = {}
        for one in self._nights.verdicts():
            is_ready = float(one.score is not None)
            found[_source(one), one.signal] = min(is_ready, found.get((_source(one), one.signal), 1.0))
        return found

    def shares(self) -> ByLabels:
        """What was observed; 0 to 1."""
        return {_share(one): one.share for one in self._nights.verdicts() if one.share is not None}

    def expected_shares(self) -> ByLabels:
        """What was expected; 0 to 1."""
        return {_share(one): one.expected for one in self._nights.verdicts() if one.expected is not None}

    def f1(self) -> Mapping[tuple[str, ...], tuple[float, float, float]]:
        """(analyser, class or macro) → F1 and its 95 % interval."""
        return {
            (one.shown_as, name): (f1, low, high)
            for one in self._evaluations.latest()
            for name, (f1, low, high) in _scored(one.result).items()
        }

    def evaluated_at(self) -> Mapping[str, float]:
        """Analyser → seconds since 1970."""
        return {
            one.shown_as: datetime.fromisoformat(one.evaluated_at).timestamp() for one in self._evaluations.latest()
        }

    def flips_ratio(self) -> float | None:
        """The share of flips in the sentinel's last question, 0 to 1; None before the first."""
        found = self._sentinel.set()
        last = self._sentinel.last(found.series) if found else None
        return last.flips / last.asked if last and last.asked else None


def _source(one: Judged) -> str:
    return one.source or EVERYWHERE


def _share(one: Judged) -> tuple[str, ...]:
    return _source(one), one.signal, one.sentiment


def _scored(result: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Classes with enough labels."""
    return {name: (one[0], one[1], one[2]) for name, one in result["f1"].items() if one is not None}
