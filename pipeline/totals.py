"""Reads the total of each metric from the store, for the exporter and the closing summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.store import StoreTotals
from pipeline.telemetry import budgets, catalogue, model
from pipeline.telemetry.metric import Metric

Series = Mapping[tuple[str, ...], float]
"""Label values in the catalogue's order → value; empty for a gauge without a value."""


def _by_two(values: Mapping[tuple[str, str], int]) -> Series:
    return {(*labels,): value for labels, value in values.items()}


def _by_one(values: Mapping[str, float]) -> Series:
    return {(label,): value for label, value in values.items()}


def _unless_none(value: float | None) -> Series:
    return {} if value is None else {(): value}


TOTALS: Mapping[Metric, Callable[[StoreTotals], Series]] = {
    catalogue.ANALYZED: lambda totals: _by_two(totals.analysed()),
    catalogue.SKIPPED: lambda totals: _by_two(totals.skipped()),
    catalogue.JSON_ERRORS: lambda totals: _by_one(totals.json_errors()),
    catalogue.EMPTY_RESPONSES: lambda totals: {(): totals.empty_responses()},
    catalogue.CURRENT_SIZE: lambda totals: _unless_none(totals.last_size()),
    catalogue.LENGTHS: lambda totals: _by_one(totals.lengths()),
    catalogue.NEW_TOPICS: lambda totals: {(): totals.new_topics()},
    catalogue.LOAD_ERRORS: lambda totals: _by_one(totals.load_errors()),
    catalogue.SUCCESS_RATIO: lambda totals: _unless_none(totals.success_ratio()),
}
"""Metric → how to read its total; a new counter is a line here.

Without the duration, which is a count and a sum: see `StoreTotals.durations`.
"""

STORE_ONLY: Mapping[Metric, Callable[[StoreTotals], Series]] = {
    catalogue.CALLS: lambda totals: _by_one(totals.calls()),
    catalogue.TOKENS: lambda totals: _by_two(totals.tokens()),
    catalogue.COST: lambda totals: _by_one(totals.cost_usd()),
    catalogue.TOPICS: lambda totals: _by_one(totals.topics()),
    catalogue.LANGUAGES: lambda totals: _by_one(totals.languages()),
    catalogue.DEAD_LETTERS: lambda totals: {(): totals.dead_letters()},
    catalogue.PENDING: lambda totals: {(): totals.pending()},
    budgets.SPENT: lambda totals: {(): totals.spent_today_usd()},
    budgets.BATCHES_OPEN: lambda totals: {(): totals.open_batches()},
    budgets.BATCH_OLDEST: lambda totals: _unless_none(totals.oldest_batch_at()),
    model.SCORE: lambda totals: totals.model.scores(),
    model.SHARE: lambda totals: totals.model.shares(),
    model.EXPECTED_SHARE: lambda totals: totals.model.expected_shares(),
    model.READY: lambda totals: totals.model.ready(),
    model.F1: lambda totals: {key: f1 for key, (f1, _, _) in totals.model.f1().items()},
    model.F1_LOW: lambda totals: {key: low for key, (_, low, _) in totals.model.f1().items()},
    model.F1_HIGH: lambda totals: {key: high for key, (_, _, high) in totals.model.f1().items()},
    model.FLIPS: lambda totals: _unless_none(totals.model.flips_ratio()),
    model.EVALUATED_AT: lambda totals: _by_one(totals.model.evaluated_at()),
}
"""What the exporter serves beside the ten."""


def read_totals(totals: StoreTotals) -> dict[Metric, Series]:
    """The current totals of all metrics in `TOTALS`."""
    return {metric: read(totals) for metric, read in TOTALS.items()}
