"""Two analysers on the same labelled texts: is the second one worse? Needs the extra `model`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, sqrt
from statistics import NormalDist

from scipy.stats import binom

from pipeline.records import Sentiment

SIGNIFICANCE = 0.05
"""Of the two-sided test that says worse, and of the one-sided interval that says not worse."""

MARGIN = 0.03
"""The largest loss of right answers that is accepted: about the standard deviation of a score on 300 labels (.032)."""

POWER = 0.8
"""How probable it is to show `not worse` with the number of labels that is named, if both are equal in truth."""

ONE_SIDED, TWO_SIDED = NormalDist().inv_cdf(1 - SIGNIFICANCE), NormalDist().inv_cdf(1 - SIGNIFICANCE / 2)


class Judgement(StrEnum):
    """What a comparison comes to."""

    WORSE = "worse"
    NOT_WORSE = "not_worse"
    """If there is a loss, it is less than three points."""
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Pair:
    """A labelled text and what both analysers say of it. None is no good answer, which is wrong."""

    label: Sentiment
    first: Sentiment | None
    second: Sentiment | None


@dataclass(frozen=True, slots=True)
class Paired:
    """The second analyser compared with the first one."""

    labels: int
    lost: int
    """Texts that only the first one gets right."""
    won: int
    """Texts that only the second one gets right."""
    p: float
    """McNemar's mid-p, two-sided."""
    difference: float
    """Second minus first, of the shares that are right; -1 to 1."""
    low: float
    high: float
    """The ends of its 95 % interval."""
    judgement: Judgement
    more_labels: int | None = None
    """For `cannot_tell`: with so many more, two equal analysers would be told not worse in 80 % of the cases. 0: there
    are as many already, and the second one is probably a little worse."""


def compare(pairs: Sequence[Pair]) -> Paired:
    """Compare answer by answer: only texts on which exactly one of the two is right count."""
    lost = sum(pair.first is pair.label and pair.second is not pair.label for pair in pairs)
    won = sum(pair.first is not pair.label and pair.second is pair.label for pair in pairs)
    return judge(lost, won, len(pairs))


def judge(lost: int, won: int, labels: int) -> Paired:
    """Compare by counts: right only in the first, right only in the second, all texts.

    WORSE is tried first: a significant loss is one, even where it is within the margin.
    """
    difference = (won - lost) / labels if labels else 0.0
    p = mid_p(lost, won)
    low, high = interval(lost, won, labels, TWO_SIDED)
    if p < SIGNIFICANCE and difference < 0:
        return Paired(labels, lost, won, p, difference, low, high, Judgement.WORSE)
    if interval(lost, won, labels, ONE_SIDED)[0] > -MARGIN:
        return Paired(labels, lost, won, p, difference, low, high, Judgement.NOT_WORSE)
    more = max(needed_labels(lost, won, labels) - labels, 0)
    return Paired(labels, lost, won, p, difference, low, high, Judgement.CANNOT_TELL, more)


def mid_p(lost: int, won: int) -> float:
    """McNemar's two-sided mid-p (Fagerland, Lydersen and Laake, BMC Med. Res. Methodol. 13:91, 2013)."""
    both, fewer = lost + won, min(lost, won)
    return min(float(2 * binom.cdf(fewer, both, 0.5) - binom.pmf(fewer, both, 0.5)), 1.0) if lost != won else 1.0


def interval(lost: int, won: int, labels: int, deviations: float) -> tuple[float, float]:
    """An interval of the difference, so many standard errors to each side.

    Wald's with one pair more of each kind that differs (Bonett and Price, J. Educ. Behav. Stat. 37, 2012). Without
    them it would have no width where the two never differ.
    """
    rate_lost, rate_won = (lost + 1) / (labels + 2), (won + 1) / (labels + 2)
    middle = rate_won - rate_lost
    half = deviations * sqrt((rate_won + rate_lost - middle**2) / (labels + 2))
    return max(middle - half, -1.0), min(middle + half, 1.0)


def needed_labels(lost: int, won: int, labels: int) -> int:
    """Labels with which two equal analysers that differ as often as these are told not worse in 80 % of the cases.

    (z of 95 % + z of 80 %)² × share of pairs that differ ÷ margin², the usual size for a difference of pairs.
    """
    differing = (lost + won + 2) / (labels + 2)
    return ceil((ONE_SIDED + NormalDist().inv_cdf(POWER)) ** 2 * differing / MARGIN**2)
