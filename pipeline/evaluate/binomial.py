"""Exact binomial tails: what chance alone does to a rare count."""

from __future__ import annotations

from math import exp, lgamma, log, log1p
from statistics import NormalDist

SMALLEST, LARGEST = 1e-300, 1 - 1e-15
"""Probabilities outside are these: the normal deviates of zero and one are infinite."""

NEGLIGIBLE = 1e-17
"""Terms smaller than this share of the sum so far do not change a float."""


def upper_tail(successes: int, trials: int, probability: float) -> float:
    """P(X ≥ successes) where X is binomial. Adds the terms themselves: no normal approximation.

    Raises ValueError where the arguments are no binomial distribution.
    """
    if trials < 0 or not 0 <= probability <= 1:
        raise ValueError(f"no binomial distribution: {trials} trials of probability {probability}")
    if successes <= 0:
        return 1.0
    if successes > trials or probability == 0:
        return 0.0
    if probability == 1:
        return 1.0
    return min(_sum_from(successes, trials, probability), 1.0)


def excess(count: int, total: int, before: int, before_total: int) -> float:
    """The probability of so many events or more in `total` answers, given those before. 1.0 if nothing is known.

    Of count + before events, each falls into tonight's answers with probability total ÷ (total + before_total) where
    the rate has not changed: an exact binomial test that needs no estimate of the rate (Przyborowski and Wilenski,
    Biometrika 31, 1940). A binomial test at the estimated rate would alarm at the first event after none.
    """
    if not total or not before_total:
        return 1.0
    return upper_tail(count, count + before, total / (total + before_total))


def alarming_count(trials: int, probability: float, at_most: float) -> int:
    """The smallest count that chance reaches with probability `at_most` or less; trials + 1 if there is none."""
    low, high = 0, trials + 1
    while low < high:
        middle = (low + high) // 2
        if upper_tail(middle, trials, probability) <= at_most:
            high = middle
        else:
            low = middle + 1
    return low


def deviate(probability: float) -> float:
    """How many standard deviations a normal variable exceeds with this probability: 3.5 for 2.3e-4."""
    return -NormalDist().inv_cdf(min(max(probability, SMALLEST), LARGEST))


def _sum_from(successes: int, trials: int, probability: float) -> float:
    odds = probability / (1 - probability)
    term = exp(_log_term(successes, trials, probability))
    found = term
    for k in range(successes, trials):
        ratio = (trials - k) / (k + 1) * odds
        term *= ratio
        found += term
        if ratio < 1 and term <= NEGLIGIBLE * found:
            break
    return found


def _log_term(k: int, n: int, p: float) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p)
