"""The counters in Prometheus and the counts in the store, which must be equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pipeline.store import open_store
from pipeline.telemetry import catalogue

from .stack import Series, Stack

DURATION_COUNT = f"{catalogue.DURATION.prometheus_name}_count"
COUNTERS = (
    *(catalogue.ANALYZED, catalogue.SKIPPED, catalogue.JSON_ERRORS),
    *(catalogue.EMPTY_RESPONSES, catalogue.NEW_TOPICS, catalogue.LOAD_ERRORS),
)
Counts = Counter[tuple[str, ...]]


def store_counts(url: str) -> Counts:
    """The counts of the store: name and label values → count."""
    opened = open_store(url)
    try:
        totals = opened.totals
        found: dict[str, dict[tuple[str, ...], float]] = {
            "verbatims_analyzed_total": dict(totals.analysed()),
            "verbatims_skipped_total": dict(totals.skipped()),
            "errors_json_total": {(reason,): n for reason, n in totals.json_errors().items()},
            "claude_response_empty_total": {(): totals.empty_responses()},
            "new_topics_detected_total": {(): totals.new_topics()},
            "bq_insert_errors_total": {(reason,): n for reason, n in totals.load_errors().items()},
            DURATION_COUNT: {(outcome,): count for outcome, (count, _) in totals.durations().items()},
        }
    finally:
        opened.close()
    return Counter({(name, *labels): int(n) for name, series in found.items() for labels, n in series.items() if n})


def counter_increases(stack: Stack) -> Counts:
    """The counters' increase in Prometheus: last raw sample minus first, summed over processes."""
    grown: Counts = Counter()
    for name, labels, series in every_series(stack):
        grown[name, *(series.labels[label] for label in labels)] += round(series.growth)
    return +grown


def every_series(stack: Stack) -> Iterator[tuple[str, tuple[str, ...], Series]]:
    names = {counter.prometheus_name: tuple(counter.attributes) for counter in COUNTERS}
    for name, labels in (names | {DURATION_COUNT: ("outcome",)}).items():
        for series in stack.series(name):
            yield name, labels, series
