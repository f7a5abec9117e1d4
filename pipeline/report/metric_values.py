"""The values of the ten metrics as people read them, on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report.facts import Facts
from pipeline.report.figure import Cell, Figure
from pipeline.report.words import Words
from pipeline.telemetry import Metric, catalogue

NEVER = "–"
"""Shown for a metric without a value, which is not the same as 0."""


def total_of(metric: Metric, values: Mapping[Any, Any], w: Words) -> str:
    """All series of a metric as one value."""
    if metric is catalogue.DURATION:
        calls = sum(count for count, _ in values.values())
        seconds = sum(total for _, total in values.values())
        return f"{w.number(calls)} × {w.number(seconds / calls, 3)} s" if calls else NEVER
    # gauges: adding up their series would mean nothing
    if metric is catalogue.SUCCESS_RATIO:
        return w.share(next(iter(values.values())), 1) if values else NEVER
    if metric is catalogue.CURRENT_SIZE:
        return w.number(next(iter(values.values()))) if values else NEVER
    return w.number(sum(values.values()))


PREFIXES = {"outcome": "outcome_", "length": "length_"}
"""Of the names of words for a label's values, where these mean something else elsewhere."""


def parts_of(metric: Metric, values: Mapping[Any, Any], w: Words) -> str:
    """The sum of each value of the last label, over all sources."""
    prefix = "".join(PREFIXES.get(label, "") for label in list(metric.attributes)[-1:])
    parts: dict[str, float] = {}
    for labels, value in values.items():
        name = labels[-1] if isinstance(labels, tuple) and labels else labels
        number = value[0] if isinstance(value, tuple) else value
        if name and number:
            parts[str(name)] = parts.get(str(name), 0) + number
    return " · ".join(f"{w.known(prefix, name)} {w.number(number)}" for name, number in sorted(parts.items()))


def query_of(metric: Metric) -> str:
    """What to ask Prometheus for the value since the first run."""
    name = f"store_{metric.prometheus_name}"
    if metric is catalogue.DURATION:
        return f"sum({name}_sum) / sum({name}_count)"
    if metric in (catalogue.CURRENT_SIZE, catalogue.SUCCESS_RATIO):
        return name
    by = ", ".join(metric.attributes)
    return f"sum by ({by}) ({name})" if by else f"sum({name})"


def metrics(facts: Facts, w: Words) -> Figure:
    """Name, value and query of each."""
    return Figure(
        "metrics",
        w("metrics"),
        w("metrics_said"),
        [w("metric"), w("this_run"), w("ever"), w("parts"), w("query")],
        [
            (
                Cell(one.metric.prometheus_name, code=True),
                total_of(one.metric, one.run, w),
                total_of(one.metric, one.ever, w),
                parts_of(one.metric, one.run, w) or NEVER,
                Cell(query_of(one.metric), code=True),
            )
            for one in facts.metrics
        ],
        numbers=frozenset({1, 2}),
    )
