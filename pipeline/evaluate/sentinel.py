"""The same texts asked again each week, without the stored answers: how many answers are others."""

from __future__ import annotations

from pipeline.evaluate.binomial import alarming_count
from pipeline.evaluate.rules import SENTINEL
from pipeline.evaluate.share import Count
from pipeline.evaluate.verdict import State, Verdict
from pipeline.records import Signal

LEAST_ASKED = 100
"""Texts of a week's question."""

LEAST_PAIRS = 850
"""Second answers of the acceptance: 300 texts asked three more times are 900 pairs with the first answer, of which some
may be refused. A rate from 300 pairs is too rough: where it came out low by chance, the limit is low for the whole year
(0.9 false alarms a year instead of 0.2 at a rate of 3 %; 0.04 where the rate is known exactly)."""


def judge_sentinel(week: Count, accepted: Count) -> Verdict:
    """The verdict on a week's flips. `accepted` are the flips of the acceptance, when the same texts were asked again.

    A flip is an answer with another sentiment than the text's first one.
    """
    if week.total < LEAST_ASKED or accepted.total < LEAST_PAIRS:
        return Verdict(Signal.SENTINEL, None, State.NOT_ENOUGH)
    expected = accepted.count / accepted.total
    highest = flip_limit(week.total, expected)
    return Verdict(Signal.SENTINEL, None, State.READY, week.count / highest, week.count / week.total, expected)


def flip_limit(asked: int, flip_rate: float) -> int:
    """The highest number of flips that does not alarm: one more has a probability of at most 0.1 % by chance.

    A rate of zero is taken as one flip in as many texts: no model that is asked is that sure of itself.
    """
    return alarming_count(asked, max(flip_rate, 1 / asked), SENTINEL.limit) - 1
