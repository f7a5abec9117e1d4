"""What a source's last night says about the model: one verdict for each signal."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.evaluate.binomial import deviate, excess
from pipeline.evaluate.chart import Point, join_small, points, reference_of
from pipeline.evaluate.night import BREACHES, OUTCOMES, TOPICS, Night
from pipeline.evaluate.rules import GIVEN_STARS, MIX, RARE, TOPIC, ChartRule
from pipeline.evaluate.share import Strata, count, pool, total
from pipeline.evaluate.verdict import State, Verdict
from pipeline.records import Sentiment, Signal

HISTORY_NIGHTS = 91
"""Thirteen weeks are what a verdict needs: four of reference, five of spread, and four more until the moving average
has forgotten its start (0.9^28 is 5 %). More are welcome; a source whose small nights are joined needs more."""

WEEK_NIGHTS = 7
"""A rare rate that rose a little is looked for over a week."""


def judge(nights: Sequence[Night]) -> list[Verdict]:
    """Verdicts on the last of one source's nights, which come oldest first; none is left out where it had answers.

    A last night that is too small to be judged has no verdict yet: it joins the next, and the state is "not enough".
    """
    mix = [_chart(Signal.MIX, one, [night.mix(one) for night in nights], MIX) for one in Sentiment]
    given = [
        _chart(Signal.GIVEN_STARS, one, [night.given_stars(one) for night in nights], GIVEN_STARS) for one in Sentiment
    ]
    rare = [_rare(signal, [night.event(signal) for night in nights]) for signal in (*OUTCOMES, *BREACHES)]
    topics = [_chart(signal, None, [night.event(signal) for night in nights], TOPIC) for signal in TOPICS]
    return mix + given + rare + topics


def chart_score(point: Point, rule: ChartRule) -> float:
    """How near a night or the average of the last nights is to its limit: the nearer of the two. 1 is the limit."""
    return max(abs(point.z) / rule.night.limit, abs(point.average) / rule.average.limit)


def rare_score(nights: Sequence[Strata], point: Point) -> float:
    """How near a rare count is to the limit; fewer events than before score 0. 1 is the limit.

    The larger of the last night against the 28 before, and the last seven nights against the 28 before these: one night
    of 300 verbatims cannot show that refusals became five times as frequent, a week can.

    An exact probability becomes a normal deviate and is divided by the chart's spread: where a source's rate varies by
    itself, chance alone is no measure.
    """
    week = reference_of(nights[:-WEEK_NIGHTS])
    found = [_rise(nights[-1], point.reference)]
    if week:
        found.append(_rise(pool(nights[-WEEK_NIGHTS:]), week))
    return max(0.0, *found) / point.spread / deviate(RARE.limit)


def _rise(observed: Strata, before: Strata) -> float:
    return deviate(excess(count(observed), total(observed), count(before), total(before)))


def _chart(signal: Signal, sentiment: Sentiment | None, nights: Sequence[Strata], rule: ChartRule) -> Verdict:
    found = _last(nights)
    if found is None:
        return Verdict(signal, sentiment, State.NOT_ENOUGH)
    _, point = found
    return _verdict(signal, sentiment, point, chart_score(point, rule))


def _rare(signal: Signal, nights: Sequence[Strata]) -> Verdict:
    found = _last(nights)
    if found is None:
        return Verdict(signal, None, State.NOT_ENOUGH)
    joined, point = found
    return _verdict(signal, None, point, rare_score(joined, point))


def _last(nights: Sequence[Strata]) -> tuple[list[Strata], Point] | None:
    """The nights, small ones joined, and the point of the last; None if there is not enough of either."""
    joined, waiting = join_small(nights)
    if waiting or not joined:
        return None
    point = points(joined)[-1]
    return (joined, point) if point else None


def _verdict(signal: Signal, sentiment: Sentiment | None, point: Point, score: float) -> Verdict:
    return Verdict(signal, sentiment, State.READY, score, point.comparison.share, point.comparison.expected)
