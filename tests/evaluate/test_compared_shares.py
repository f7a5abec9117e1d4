"""A night's shares against those of other nights, stratum by stratum."""

import itertools
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.share import Count, Strata, compare, pool, total

BERKELEY_MEN = {"A": (512, 825), "B": (353, 560), "C": (120, 325), "D": (138, 417), "E": (53, 191), "F": (22, 373)}
BERKELEY_WOMEN = {"A": (89, 108), "B": (17, 25), "C": (202, 593), "D": (131, 375), "E": (94, 393), "F": (24, 341)}
"""Admitted of applicants in 1973 (R's UCBAdmissions; Bickel, Hammel and O'Connell, Science 187, 1975)."""

COUNTS = st.integers(0, 500).flatmap(lambda n: st.builds(Count, st.integers(0, n), st.just(n)))
STRATA = st.dictionaries(st.integers(1, 5), COUNTS, min_size=1)


def strata(table: dict[str, tuple[int, int]]) -> Strata:
    return {name: Count(*counts) for name, counts in table.items()}


def test_the_published_statistic_of_berkeley() -> None:
    """R's `mantelhaen.test(UCBAdmissions, correct = FALSE)`: X-squared = 1.5246."""
    found = compare(strata(BERKELEY_MEN), strata(BERKELEY_WOMEN))
    assert found is not None and found.cmh**2 == pytest.approx(1.5246, abs=5e-5)
    # by department, men were admitted a little less often than women: together they look favoured
    assert found.cmh < 0 and found.share < found.expected


def test_one_stratum_is_the_test_of_two_shares() -> None:
    """30 of 100 against 200 of 1000: with the pooled share, and n - 1 of n for the hypergeometric variance."""
    found = compare({"all": Count(30, 100)}, {"all": Count(200, 1000)})
    p = 230 / 1100
    by_hand = (0.3 - 0.2) / sqrt(p * (1 - p) * (1 / 100 + 1 / 1000)) * sqrt(1099 / 1100)
    assert found is not None and found.cmh == pytest.approx(by_hand) and (found.share, found.expected) == (0.3, 0.2)


def test_other_stars_alone_move_nothing() -> None:
    """One star is negative in 9 of 10, five stars in 1 of 10, on both sides; the mix of stars is turned round."""
    found = compare({1: Count(90, 100), 5: Count(10, 100)}, {1: Count(900, 1000), 5: Count(20, 200)})
    assert found is not None and found.cmh == pytest.approx(0) and found.share == pytest.approx(found.expected)


def test_a_rare_count_is_as_far_as_its_exact_probability() -> None:
    """By Poisson's distribution P(X ≥ 8 | 1) is 1.02e-5, a deviate of 4.26; P(X ≥ 4 | 1/2) is .00175, or 2.92."""
    half, one = (compare({"all": Count(x, 1000)}, {"all": Count(n, 10**6)}) for x, n in ((4, 500), (8, 1000)))
    assert half is not None and half.cmh > 4.5 and half.z == pytest.approx(2.92, abs=0.15)
    assert one is not None and one.cmh > 6.5 and one.z == pytest.approx(4.26, abs=0.15)


@given(st.integers(30, 300), st.integers(600, 3000), st.integers(0, 100))
def test_more_answers_of_a_kind_are_further(size: int, before: int, percent: int) -> None:
    reference = {"all": Count(before * percent // 100, before)}
    found = [compare({"all": Count(count, size)}, reference) for count in range(size + 1)]
    zs = [one.z for one in found if one]
    assert all(low <= high + 1e-9 for low, high in itertools.pairwise(zs))


@given(STRATA, STRATA)
def test_the_rest_of_the_answers_says_the_same_with_the_other_sign(night: Strata, reference: Strata) -> None:
    def rest(of: Strata) -> Strata:
        return {stratum: Count(one.total - one.count, one.total) for stratum, one in of.items()}

    found, others = compare(night, reference), compare(rest(night), rest(reference))
    assert (found is None) == (others is None)
    if found and others:
        assert found.z == pytest.approx(-others.z, abs=1e-9)
        assert 0 <= found.share <= 1 and 0 <= found.expected <= 1


def test_without_a_common_stratum_there_is_nothing_to_compare() -> None:
    assert compare({1: Count(3, 5)}, {2: Count(3, 5)}) is None
    assert compare({1: Count(0, 0)}, {1: Count(3, 5)}) is None
    # a stratum that only one has is left out
    found = compare({1: Count(3, 5), 2: Count(9, 9)}, {1: Count(3, 5)})
    assert found is not None and found.share == 0.6


def test_where_nothing_varies_nothing_is_far() -> None:
    found = compare({"all": Count(0, 50)}, {"all": Count(0, 5000)})
    assert found is not None and found.z == 0


@given(st.lists(STRATA, max_size=5))
def test_pooling_loses_no_answer(nights: list[Strata]) -> None:
    assert total(pool(nights)) == sum(total(night) for night in nights)


def test_more_than_all_is_no_share() -> None:
    with pytest.raises(ValueError, match="no share"):
        Count(6, 5)
