"""The same texts asked again: more other answers than the model gives by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.binomial import upper_tail
from pipeline.evaluate.sentinel import flip_limit, judge_sentinel
from pipeline.evaluate.share import Count
from pipeline.evaluate.verdict import State

ACCEPTED = Count(27, 900)


def test_the_limit_of_300_texts_at_three_per_cent() -> None:
    """By the binomial distribution: P(X ≥ 20) = .00086, P(X ≥ 19) = .0021. It finds 8 % in .83, 10 % in .98."""
    assert flip_limit(300, 0.03) == 19
    assert upper_tail(20, 300, 0.08) == pytest.approx(0.83, abs=0.01)
    assert upper_tail(20, 300, 0.10) == pytest.approx(0.98, abs=0.01)


def test_twenty_flips_alarm_and_nineteen_do_not() -> None:
    assert judge_sentinel(Count(20, 300), ACCEPTED).pages
    quiet = judge_sentinel(Count(19, 300), ACCEPTED)
    assert quiet.state is State.READY and quiet.score == 1 and not quiet.alarms
    assert (quiet.share, quiet.expected) == (19 / 300, 0.03)


def test_a_rate_from_few_pairs_or_a_week_of_few_texts_says_nothing() -> None:
    assert judge_sentinel(Count(90, 300), Count(9, 300)).state is State.NOT_ENOUGH
    assert judge_sentinel(Count(50, 50), ACCEPTED).state is State.NOT_ENOUGH


@given(st.integers(100, 600), st.floats(0, 1))
def test_chance_exceeds_the_limit_in_one_week_of_a_thousand_at_most(asked: int, rate: float) -> None:
    assert upper_tail(flip_limit(asked, rate) + 1, asked, rate) <= 0.001
