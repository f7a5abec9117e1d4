"""Shares of answers in strata, and how far one night's are from those of other nights."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Count:
    """So many of a total, such as the negative answers among those to reviews with two stars."""

    count: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.total:
            raise ValueError(f"{self.count} of {self.total} is no share")


Strata = Mapping[Hashable, Count]
"""A night's counts by what the customers said of themselves: by stars, or all of them under one key."""


def total(strata: Strata) -> int:
    """How many answers there are over all strata."""
    return sum(one.total for one in strata.values())


def count(strata: Strata) -> int:
    """How many of them are counted."""
    return sum(one.count for one in strata.values())


def pool(nights: Iterable[Strata]) -> dict[Hashable, Count]:
    """The counts of several nights as if they were one."""
    counts: dict[Hashable, int] = {}
    totals: dict[Hashable, int] = {}
    for night in nights:
        for stratum, one in night.items():
            counts[stratum] = counts.get(stratum, 0) + one.count
            totals[stratum] = totals.get(stratum, 0) + one.total
    return {stratum: Count(counts[stratum], totals[stratum]) for stratum in totals}


NO_SKEW = 1e-6
"""A smaller skewness changes no z."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A night against its reference, over the strata that both have."""

    share: float
    """Of the night's answers; 0 to 1."""
    expected: float
    """The share that the night's strata would have at the reference's share in each of them; 0 to 1."""
    cmh: float
    """Cochran-Mantel-Haenszel: standard deviations from what is expected; 0 where nothing can vary."""
    skewness: float
    """Of the same: large where few answers are counted."""

    @property
    def z(self) -> float:
        """The statistic as a normal variable: corrected for skewness by the inverse of Cornish and Fisher's expansion.

        It solves cmh = z + skewness × (z² - 1) ÷ 6 (Revue de l'Institut international de statistique 5, 1938). Four
        answers where half a one is expected are 4.9 standard deviations, but no rarer than 3.0 of a normal variable.
        """
        if abs(self.skewness) <= NO_SKEW:
            return self.cmh
        root = 1 + 2 * self.skewness / 3 * (self.cmh + self.skewness / 6)
        return 3 / self.skewness * (sqrt(max(root, 0.0)) - 1)


def compare(night: Strata, reference: Strata) -> Comparison | None:
    """How far the night is from its reference, stratum by stratum. None where they have no stratum in common.

    With one stratum it is the test of two shares with pooled variance. With a stratum for each number of stars, a
    change of the stars alone moves nothing. The variance is hypergeometric, so that it holds the error of the
    reference too (Mantel and Haenszel, J. Natl. Cancer Inst. 22, 1959). There is no correction for continuity.
    """
    pairs = [(one, reference[stratum]) for stratum, one in night.items() if stratum in reference]
    pairs = [(one, before) for one, before in pairs if one.total and before.total]
    answers = sum(one.total for one, _ in pairs)
    if not answers:
        return None
    moments = [_moments(one, before) for one, before in pairs]
    beyond, variance, third = (sum(one[at] for one in moments) for at in range(3))
    expected = sum(one.total * before.count / before.total for one, before in pairs)
    share, expected_share = sum(one.count for one, _ in pairs) / answers, expected / answers
    if variance <= 0:
        return Comparison(share, expected_share, 0.0, 0.0)
    return Comparison(share, expected_share, beyond / sqrt(variance), third / variance**1.5)


def _moments(one: Count, before: Count) -> tuple[float, float, float]:
    """One stratum's count beyond its hypergeometric mean, and the variance and third moment of this."""
    both = one.total + before.total
    pooled = (one.count + before.count) / both
    variance = pooled * (1 - pooled) * one.total * before.total / (both - 1)
    third = variance * (1 - 2 * pooled) * (both - 2 * one.total) / max(both - 2, 1)
    return one.count - one.total * pooled, variance, third
