"""Everything that is shown of a run, read once from the store: for the page, the terminal and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from pipeline.records import Outcome
from pipeline.report.bins import Moments, Period, first_of, period_of
from pipeline.report.topics import NewTopicCount, TopicCount, count_new_topics, count_topics
from pipeline.store import (
    CallShown,
    CallsTimed,
    EvaluationShown,
    Failure,
    Feelings,
    Judged,
    Paid,
    RunCounts,
    RunPaid,
    RunShown,
    Store,
    StoreTotals,
)
from pipeline.telemetry import TEN, Metric, catalogue
from pipeline.totals import read_totals

SLOW_CALLS = 20
FAILED_CALLS = 20
RECENT_RUNS = 20
FAILURES_LISTED = 20
DAY = len("2026-01-01")
LEAST_WAIT_S = 0.05
"""A shorter wait for the rate limit is not worth a word."""
MOST_SOURCES = 6
"""With more, the smallest are shown as one."""

OTHERS = ""
"""The name of those."""


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """One of the ten metrics, of the run and of all runs: values by their labels, in the catalogue's order.

    The value of the duration is the number of calls and the sum of their seconds.
    """

    metric: Metric
    run: Mapping[Any, Any]
    ever: Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What one run came to. Amounts in USD, durations in seconds, moments in UTC."""

    run: RunShown
    counts: RunCounts
    """Of a run that ended; while it goes on, `pending` says how many verbatims are left."""
    loaded: int
    """Of the analysed ones, how many the warehouse holds."""
    analysers: Sequence[tuple[str, str]]
    """Model and version of the prompt."""
    by_source: Sequence[tuple[str, str, int]]
    """Source, sentiment, verbatims; the largest source first."""
    period: Period
    """How long each bin of `over_time` is."""
    over_time: Sequence[tuple[date, str, int]]
    """First day of the bin, sentiment, verbatims."""
    topics: Sequence[TopicCount]
    new_topics: Sequence[NewTopicCount]
    metrics: Sequence[MetricFacts]
    latency: Sequence[tuple[str, int, int]]
    """Start of the span, index of the bucket, calls."""
    bounds: Sequence[float]
    """Upper bounds of the buckets; one more bucket holds what exceeds them."""
    span_s: float
    """How long each span of `latency` is."""
    slow_calls: Sequence[CallShown]
    failed_calls: Sequence[CallShown]
    paid: Sequence[Paid]
    waited_s: float
    """How long a live call waited for Claude's rate limit, on average."""
    day_usd: float
    """What all runs have spent and reserved on the UTC day on which this one began."""
    recent: Sequence[RunPaid]
    failures: Sequence[tuple[str, str | None, int]]
    """Outcome, detail, how many; the most frequent first."""
    failed_records: Sequence[Failure]
    """The first of them."""
    verdicts: Sequence[Judged]
    """What the charts say of each source's last night, of whatever run."""
    evaluations: Sequence[EvaluationShown]
    """The latest of each analyser."""

    @property
    def quoted(self) -> frozenset[int]:
        """The texts whose words are among the facts."""
        said = [one for topic in self.topics for one in topic.examples]
        said += [one for topic in self.new_topics for one in topic.quotes]
        return frozenset(one.text_id for one in said)


def facts_of(store: Store, run_id: str) -> Facts:
    """Read the store, which may change meanwhile: numbers of a run that goes on may differ by what ended just now."""
    run, counts = store.facts.run(run_id), store.runs.count(run_id)
    feelings = store.facts.feelings(run_id)
    period, over_time = _over_time(feelings)
    timed = store.facts.timed(run_id, catalogue.DURATION_BOUNDS)
    moments = Moments([one.sent for one in timed])
    failures = store.runs.failures(run_id)
    return Facts(
        run=run,
        counts=counts.settled(store.texts.count_in_batches(run_id)) if run.ended_at else counts,
        loaded=store.runs.count_held(run_id),
        analysers=store.facts.analysers(run_id),
        by_source=_by_source(feelings),
        period=period,
        over_time=over_time,
        topics=count_topics(store.facts, run_id),
        new_topics=count_new_topics(store.facts.new_topics(run_id)),
        metrics=metrics_of(store, run_id),
        latency=_latency(timed, moments),
        bounds=catalogue.DURATION_BOUNDS,
        span_s=moments.length.total_seconds(),
        slow_calls=store.facts.slowest(run_id, SLOW_CALLS),
        failed_calls=store.facts.latest_failed(run_id, FAILED_CALLS),
        paid=store.facts.paid(run_id),
        waited_s=store.facts.waited_s(run_id),
        day_usd=store.facts.spent_on(run.started_at[:DAY]),
        recent=store.facts.recent(run_id, RECENT_RUNS),
        failures=_grouped(failures),
        failed_records=failures[:FAILURES_LISTED],
        verdicts=store.nights.verdicts(),
        evaluations=store.evaluations.latest(),
    )


def as_data(facts: Facts) -> dict[str, Any]:
    """The same as JSON can hold it. Words of verbatims are among them: they are printed, never logged."""
    data = asdict(replace(facts, metrics=(), over_time=()))
    data["over_time"] = [(first.isoformat(), sentiment, n) for first, sentiment, n in facts.over_time]
    data["metrics"] = {
        one.metric.prometheus_name: {"run": _series(one.metric, one.run), "ever": _series(one.metric, one.ever)}
        for one in facts.metrics
    }
    return data


def _series(metric: Metric, values: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Labels and value of each; of the duration the number of calls and their seconds."""
    return [
        {**dict(zip(metric.attributes, labels, strict=True)), **_value(metric, value)}
        for labels, value in sorted(values.items())
    ]


def _value(metric: Metric, value: Any) -> dict[str, Any]:
    if metric is catalogue.DURATION:
        return {"calls": value[0], "seconds": value[1]}
    return {"value": value}


def quantile(facts: Facts, q: float) -> float | None:
    """The upper bound of the bucket in which that share of the calls has ended; None where it is the last, or none."""
    calls = Counter[int]()
    for _, bucket, number in facts.latency:
        calls[bucket] += number
    left = q * calls.total()
    for bucket, bound in enumerate(facts.bounds):
        left -= calls[bucket]
        if left <= 0 and calls.total():
            return bound
    return None


def success_ratio(facts: Facts) -> float | None:
    """Valid answers ÷ ended attempts; None before the first."""
    ended = sum(one.calls for one in facts.paid)
    return sum(one.calls for one in facts.paid if one.outcome == Outcome.ANALYSED) / ended if ended else None


def _by_source(feelings: Iterable[Feelings]) -> list[tuple[str, str, int]]:
    sizes: Counter[str] = Counter()
    counted: Counter[tuple[str, str]] = Counter()
    for one in feelings:
        sizes[one.source] += one.verbatims
        counted[one.source, one.sentiment] += one.verbatims
    ordered = sorted(sizes, key=lambda source: (-sizes[source], source))
    kept = ordered if len(ordered) <= MOST_SOURCES else ordered[: MOST_SOURCES - 1]
    folded: Counter[tuple[str, str]] = Counter()
    for (source, sentiment), number in counted.items():
        folded[source if source in kept else OTHERS, sentiment] += number
    places = {source: place for place, source in enumerate(kept)}
    order = sorted(folded, key=lambda key: (places.get(key[0], len(places)), key[1]))
    return [(*key, folded[key]) for key in order]


def _over_time(feelings: Iterable[Feelings]) -> tuple[Period, list[tuple[date, str, int]]]:
    dated = [(date.fromisoformat(one.day), one) for one in feelings]
    period = period_of({day for day, _ in dated})
    counted: Counter[tuple[date, str]] = Counter()
    for day, one in dated:
        counted[first_of(period, day), one.sentiment] += one.verbatims
    return period, [(*key, counted[key]) for key in sorted(counted)]


def _latency(timed: Iterable[CallsTimed], moments: Moments) -> list[tuple[str, int, int]]:
    counted: Counter[tuple[str, int]] = Counter()
    for one in timed:
        counted[moments.start_of(one.sent).isoformat(), one.bucket] += one.calls
    return [(*key, counted[key]) for key in sorted(counted)]


def metrics_of(store: Store, run_id: str) -> list[MetricFacts]:
    """The ten metrics alone, for which a few sums are read, however long the run was."""
    run, ever = _values(store.totals_of(run_id)), _values(store.totals)
    return [MetricFacts(metric, run[metric], ever[metric]) for metric in TEN]


def _values(totals: StoreTotals) -> dict[Metric, Mapping[Any, Any]]:
    durations = {(outcome,): sums for outcome, sums in totals.durations().items()}
    calls = totals.calls()
    ended, valid = sum(calls.values()), calls.get(Outcome.ANALYSED.value, 0)
    # the exporter's is that of the latest run
    ratio = {(): valid / ended} if ended else {}
    return {**read_totals(totals), catalogue.DURATION: durations, catalogue.SUCCESS_RATIO: ratio}


def _grouped(failures: Iterable[Failure]) -> list[tuple[str, str | None, int]]:
    counted = Counter((one.outcome, one.detail) for one in failures)
    return [(outcome, detail, number) for (outcome, detail), number in counted.most_common()]
