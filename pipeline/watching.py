"""Watches the model night by night: counts what was paid, judges each source's last night, keeps the verdicts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pipeline import clean as cleaning
from pipeline.analyser_series import series_of
from pipeline.errors import InputError
from pipeline.evaluate.baseline import BLOCK_NIGHTS, judge_baseline
from pipeline.evaluate.chart import LEAST_NIGHTS
from pipeline.evaluate.contract import breaches
from pipeline.evaluate.drift import HISTORY_NIGHTS, judge
from pipeline.evaluate.night import Night, from_counts
from pipeline.evaluate.sentinel import judge_sentinel
from pipeline.evaluate.share import Count
from pipeline.evaluate.verdict import Verdict
from pipeline.records import AnalyserRecord, Outcome, Sentiment, Signal
from pipeline.store import Baseline, Judged, NightKey, PaidRequest, Store

OUTCOMES = {
    Outcome.REFUSED: Signal.REFUSAL,
    Outcome.EMPTY: Signal.EMPTY,
    Outcome.TRUNCATED: Signal.TRUNCATED,
    Outcome.UNREADABLE: Signal.UNREADABLE,
}

SILENT_DAYS = 7
"""A source that has had nothing for so long is not judged: its last verdict would alarm for ever."""

NIGHTS = 2 * HISTORY_NIGHTS
"""How many of the last nights are read: twice what a verdict needs, since small nights are joined."""

CUSTOMERS = frozenset({Signal.MIX, Signal.NO_TOPIC, Signal.NEW_TOPIC})
"""Signals that customers can move too."""

NIGHTLY = tuple(signal.value for signal in Signal if signal is not Signal.SENTINEL)


def watch(store: Store, analyser: AnalyserRecord) -> list[tuple[str, Verdict]]:
    """Count the nights that are new and judge the last one of each source; returns (source, verdict) that alarm.

    Nights of all analysers of the same series count together: they differ in their topics only.
    """
    for day in store.nights.to_count():
        store.nights.replace(day, _counted(store.nights.paid_on(day)))
    series = series_of(analyser.fingerprint, analyser.definition)
    accepted = store.nights.baseline(series)
    days_of = store.nights.of(series, NIGHTS, accepted.first_day if accepted else None)
    by_source = {source: _nights(days) for source, days in days_of.items()}
    newest = max((max(nights) for nights in by_source.values()), default="")
    found = [
        (source, max(nights), verdict)
        for source, nights in sorted(by_source.items())
        if max(nights) > _days_before(newest, SILENT_DAYS)
        for verdict in [*judge(list(nights.values())[-NIGHTS:]), *_against_baseline(accepted, nights)]
    ]
    kept = [_judged(source, night, verdict) for source, night, verdict in found]
    store.nights.judge(series, kept, NIGHTLY)
    judge_flips(store)
    return [(source, verdict) for source, _, verdict in found if verdict.alarms]


def judge_flips(store: Store) -> Verdict | None:
    """Judge the sentinel's last question and keep the verdict; None where it was not asked yet."""
    chosen = store.sentinel.set()
    last = store.sentinel.last(chosen.series) if chosen else None
    if chosen is None or last is None:
        return None
    verdict = judge_sentinel(Count(last.flips, last.asked), Count(chosen.pairs.flips, chosen.pairs.asked))
    kept = [_judged("", last.asked_at[:10], verdict)]
    store.nights.judge(chosen.series, kept, [Signal.SENTINEL.value])
    return verdict


def accept_baseline(store: Store, analyser: AnalyserRecord) -> Baseline:
    """Keep the last 28 nights as those that later ones are compared with. Raises InputError for fewer than 14."""
    series = series_of(analyser.fingerprint, analyser.definition)
    days = sorted({day for days in store.nights.of(series, BLOCK_NIGHTS).values() for day in days})[-BLOCK_NIGHTS:]
    if len(days) < LEAST_NIGHTS:
        raise InputError(
            f"not enough nights: {len(days)} of {LEAST_NIGHTS} that this analyser has answered on; "
            "`verbatims reanalyse --since DAY` makes up for nights before it"
        )
    accepted = Baseline(days[0], days[-1])
    store.nights.accept_baseline(series, accepted)
    return accepted


def _counted(paid: Iterable[PaidRequest]) -> dict[NightKey, Mapping[str, Any]]:
    found: dict[NightKey, _Tally] = defaultdict(_Tally)
    for one in paid:
        found[one.series, one.source, one.day].add(one)
    return {key: tally.night().as_counts() for key, tally in found.items()}


class _Tally:
    """Adds up the requests of a night."""

    def __init__(self) -> None:
        self._requests = 0
        self._sentiments: Counter[tuple[int | None, Sentiment]] = Counter()
        self._events: Counter[Signal] = Counter()

    def add(self, paid: PaidRequest) -> None:
        """One request."""
        self._requests += 1
        if event := OUTCOMES.get(paid.outcome):
            self._events[event] += 1
        if paid.sentiment is None:
            return
        self._sentiments[_stars(paid.stars), paid.sentiment] += 1
        quotes = [topic["quote"] or "" for topic in paid.new_topics]
        self._events.update(breaches(paid.summary, quotes, paid.language, cleaning.guess))
        self._events.update([Signal.NO_TOPIC] * (not paid.topics) + [Signal.NEW_TOPIC] * bool(paid.new_topics))

    def night(self) -> Night:
        """What they came to."""
        return Night(self._requests, self._sentiments, self._events)


def _stars(rating: float | None) -> int | None:
    """Whole stars, 1 to 5: ratings are out of five, on whatever scale they were given."""
    return None if rating is None else min(5, max(1, int(rating + 0.5)))


def _nights(days: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Night]:
    """Day → night, in order, without days on which nothing was answered."""
    found = {day: from_counts(parts) for day, parts in sorted(days.items())}
    return {day: night for day, night in found.items() if night.requests}


def _against_baseline(accepted: Baseline | None, nights: Mapping[str, Night]) -> list[Verdict]:
    if accepted is None:
        return []
    before = [night for day, night in nights.items() if accepted.first_day <= day <= accepted.last_day]
    return judge_baseline(before, [night for day, night in nights.items() if day > accepted.last_day])


def _judged(source: str, night: str, verdict: Verdict) -> Judged:
    sentiment = verdict.sentiment.value if verdict.sentiment else ""
    return Judged(
        source,
        verdict.signal.value,
        sentiment,
        night,
        verdict.state.value,
        verdict.score,
        verdict.share,
        verdict.expected,
    )


def _days_before(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat() if day else ""


def describe(source: str, verdict: Verdict) -> str:
    """A verdict that alarms, in one line for a person."""
    what = f"{verdict.signal.value} {verdict.sentiment.value}" if verdict.sentiment else verdict.signal.value
    why = "customers may have changed" if verdict.signal in CUSTOMERS else "the model may have changed"
    shares = f"{verdict.share:.1%} of the last night, {verdict.expected:.1%} expected"
    return f"{source}: {what.replace('_', ' ')} is {shares}; {why}"
