"""Exact binomial tails, against published values and whole numbers."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.binomial import alarming_count, deviate, excess, upper_tail


@given(st.integers(0, 60), st.integers(0, 60), st.fractions(0, 1, max_denominator=50))
def test_the_tail_is_the_sum_of_its_terms(successes: int, trials: int, p: Fraction) -> None:
    exact = sum(comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(successes, trials + 1))
    assert upper_tail(successes, trials, float(p)) == pytest.approx(float(exact), rel=1e-9)


def test_published_values() -> None:
    """Mendel's peas (Conover 1971; R's `binom.test(682, 925, p = 0.75)`): 0.3825, from 682 down and from 706 up."""
    assert 1 - upper_tail(683, 925, 0.75) + upper_tail(706, 925, 0.75) == pytest.approx(0.3825, abs=5e-5)
    assert upper_tail(8, 8, 0.5) == pytest.approx(1 / 256)
    # half of an odd number of tosses
    assert upper_tail(50_000, 99_999, 0.5) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize(("trials", "p"), [(-1, 0.5), (3, 1.1), (3, -0.1)])
def test_what_is_no_distribution_is_refused(trials: int, p: float) -> None:
    with pytest.raises(ValueError, match="no binomial"):
        upper_tail(1, trials, p)


def test_an_excess_needs_no_estimate_of_the_rate() -> None:
    """Two events tonight and none in four times as many answers before: both fell into one fifth, (1/5)²."""
    assert excess(2, 100, 0, 400) == pytest.approx(0.04)
    assert excess(0, 100, 5, 400) == 1
    assert excess(3, 100, 0, 0) == excess(0, 0, 3, 100) == 1


@given(st.integers(1, 400), st.floats(0.001, 0.999), st.floats(1e-6, 0.2))
def test_the_alarming_count_is_the_first_that_chance_hardly_reaches(trials: int, p: float, at_most: float) -> None:
    found = alarming_count(trials, p, at_most)
    assert upper_tail(found, trials, p) <= at_most < upper_tail(found - 1, trials, p)


def test_deviates_are_those_of_the_normal_tables() -> None:
    assert deviate(0.05) == pytest.approx(1.6449, abs=1e-4)
    assert deviate(2.326e-4) == pytest.approx(3.5, abs=1e-3)
    assert deviate(0) > 30 and deviate(1) < -7
