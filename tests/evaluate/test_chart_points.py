"""Laney's p′ and its moving average, night by night."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.chart import (
    AVERAGE_SD,
    CLIP,
    DELAY_NIGHTS,
    LEAST_A_NIGHT,
    REFERENCE_NIGHTS,
    SPREAD_NIGHTS,
    WEIGHT,
    join_small,
    points,
)
from pipeline.evaluate.share import Count, Strata, compare, pool, total

COUNTS = st.integers(0, 80).flatmap(lambda n: st.builds(Count, st.integers(0, n), st.just(n)))


def nights(*counts: int, of: int = 100) -> list[Strata]:
    return [{"all": Count(count, of)} for count in counts]


@given(st.lists(COUNTS, max_size=20))
def test_joined_nights_are_large_enough_and_lose_no_answer(counts: list[Count]) -> None:
    given_nights: list[Strata] = [{"all": count} for count in counts]
    joined, waiting = join_small(given_nights)
    assert all(total(night) >= LEAST_A_NIGHT for night in joined) and total(waiting) < LEAST_A_NIGHT
    assert total(pool([*joined, waiting])) == total(pool(given_nights))


def test_the_reference_is_the_four_weeks_before() -> None:
    counts = [*[50] * 30, *[20] * REFERENCE_NIGHTS, 40]
    last = points(nights(*counts))[-1]
    assert last is not None and last.reference == {"all": Count(20 * REFERENCE_NIGHTS, 100 * REFERENCE_NIGHTS)}


@given(st.lists(st.integers(0, 100), min_size=15, max_size=70))
def test_each_point_follows_from_the_nights_before(counts: list[int]) -> None:
    """The definition, written out: z by the reference, the spread of 28 z before the delay, the clipped average."""
    chart, zs, average = nights(*counts), [], 0.0
    found = points(chart)
    assert found[:14] == [None] * 14
    for at in range(14, len(chart)):
        point, comparison = found[at], compare(chart[at], pool(chart[max(at - 28, 0) : at]))
        assert point is not None and comparison is not None
        last = zs[: max(len(zs) - DELAY_NIGHTS, 0)][-SPREAD_NIGHTS:]
        spread = max(1.0, sqrt(sum(z**2 for z in last) / len(last))) if last else 1.0
        average = (1 - WEIGHT) * average + WEIGHT * max(-CLIP, min(comparison.z / spread, CLIP))
        assert point.spread == pytest.approx(spread) and point.z == pytest.approx(comparison.z / spread)
        assert point.average == pytest.approx(average / AVERAGE_SD)
        zs.append(comparison.z)


def test_the_average_has_the_published_deviation() -> None:
    """Roberts 1959, as NIST's handbook says: variance λ ÷ (2 - λ); 0.0526 for λ = 0.1."""
    assert pytest.approx(0.0526, abs=5e-5) == AVERAGE_SD**2
