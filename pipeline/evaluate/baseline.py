"""Four weeks against the nights on which the model was accepted: for changes too slow for a chart that moves along."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from pipeline.evaluate.chart import LEAST_NIGHTS, LEAST_VERBATIMS, join_small
from pipeline.evaluate.night import Night
from pipeline.evaluate.rules import BASELINE
from pipeline.evaluate.share import Strata, compare, pool, total
from pipeline.evaluate.verdict import State, Verdict
from pipeline.records import Sentiment, Signal

BLOCK_NIGHTS = 28
"""One test for so many nights. A test each night, or a moving average against a baseline that stands still, would
alarm in most years by the error of the baseline alone."""


def judge_baseline(accepted: Sequence[Night], since: Sequence[Night]) -> list[Verdict]:
    """Verdicts on one source's last complete block of 28 nights since its acceptance, given the stars.

    `since` are all nights after those of acceptance, oldest first: the verdicts change on each 28th of them.
    """
    end = len(since) // BLOCK_NIGHTS * BLOCK_NIGHTS
    block = since[max(end - BLOCK_NIGHTS, 0) : end]
    return [_judge(one, accepted, block) for one in Sentiment]


def _judge(sentiment: Sentiment, accepted: Sequence[Night], block: Sequence[Night]) -> Verdict:
    before, _ = join_small([night.given_stars(sentiment) for night in accepted])
    reference, observed = pool(before), pool(night.given_stars(sentiment) for night in block)
    comparison = compare(observed, reference)
    if comparison is None or len(before) < LEAST_NIGHTS or min(total(reference), total(observed)) < LEAST_VERBATIMS:
        return Verdict(Signal.BASELINE, sentiment, State.NOT_ENOUGH)
    score = abs(comparison.z) / spread(before) / BASELINE.limit
    return Verdict(Signal.BASELINE, sentiment, State.READY, score, comparison.share, comparison.expected)


def spread(nights: Sequence[Strata]) -> float:
    """Root mean square of each night's z against the others, never below 1: how much more than chance they vary."""
    others = (pool([*nights[:at], *nights[at + 1 :]]) for at in range(len(nights)))
    found = [compare(night, other) for night, other in zip(nights, others, strict=True)]
    squares = [comparison.z**2 for comparison in found if comparison]
    return max(1.0, sqrt(sum(squares) / len(squares))) if squares else 1.0
