"""The arithmetic of pipeline/evaluate on arrays, so that centuries of nights take seconds; and the usual tests.

`test_drift_arrays.py` says that both give the same scores. The first axis is the source, the second is the night.
"""

from __future__ import annotations

import numpy as np

from pipeline.evaluate.baseline import BLOCK_NIGHTS
from pipeline.evaluate.binomial import deviate, excess
from pipeline.evaluate.chart import (
    AVERAGE_SD,
    CLIP,
    DELAY_NIGHTS,
    LEAST_NIGHTS,
    LEAST_VERBATIMS,
    REFERENCE_NIGHTS,
    WEIGHT,
)
from pipeline.evaluate.drift import WEEK_NIGHTS
from pipeline.evaluate.share import NO_SKEW

Array = np.ndarray

WORTH_A_LOOK = 2.0
"""Rare counts whose z is below are far from the limit: their exact probability is not computed."""

CHI2_P05 = 7.815
"""Chi-squared with three degrees of freedom exceeds it with probability .05."""


def before(values: Array, nights: int = REFERENCE_NIGHTS) -> Array:
    """The sum over the nights before each night."""
    sums = np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, 1)], 1)
    at = np.arange(values.shape[1])
    return sums[:, at] - sums[:, np.maximum(at - nights, 0)]


def z_of(counts: Array, totals: Array) -> Array:
    """The z of each night against those before; the last axis is the stratum. NaN while there is not enough."""
    references = before(totals)
    z = compare(counts, totals, before(counts), references)
    enough = (np.arange(z.shape[1]) >= LEAST_NIGHTS) & (references.sum(-1) >= LEAST_VERBATIMS)
    return np.where(enough, z, np.nan)


def compare(counts: Array, totals: Array, reference_counts: Array, reference_totals: Array) -> Array:
    """Cochran-Mantel-Haenszel over the last axis, with its sign, corrected for skewness."""
    both = totals + reference_totals
    common = (totals > 0) & (reference_totals > 0)
    pooled = (counts + reference_counts) / np.maximum(both, 1)
    beyond = np.where(common, counts - totals * pooled, 0).sum(-1)
    parts = np.where(common, pooled * (1 - pooled) * totals * reference_totals / np.maximum(both - 1, 1), 0)
    thirds = parts * (1 - 2 * pooled) * (both - 2 * totals) / np.maximum(both - 2, 1)
    return _unskewed(beyond, parts.sum(-1), thirds.sum(-1))


def _unskewed(beyond: Array, variance: Array, third: Array) -> Array:
    safe = np.where(variance > 0, variance, 1)
    z, skew = beyond / np.sqrt(safe), third / safe**1.5
    root = 1 + 2 * skew / 3 * (z + skew / 6)
    bent = 3 / np.where(np.abs(skew) > NO_SKEW, skew, 1) * (np.sqrt(np.maximum(root, 0)) - 1)
    return np.where(np.abs(skew) > NO_SKEW, bent, z)


def spreads(z: Array, delay: int = DELAY_NIGHTS) -> Array:
    """The root mean square of the z before each night and its delay, never below 1."""
    known = ~np.isnan(z)
    mean = before(np.where(known, z, 0.0) ** 2) / np.maximum(before(known.astype(float)), 1)
    return np.sqrt(np.maximum(_later(mean, delay), 1))


def laney(z: Array, delay: int = DELAY_NIGHTS) -> tuple[Array, Array]:
    """Each night's |z′| and |moving average|, 0 where there is not enough."""
    prime, known = np.nan_to_num(z / spreads(z, delay)), ~np.isnan(z)
    average, averages = np.zeros(z.shape[0]), np.zeros_like(z)
    for night in range(z.shape[1]):
        moved = average + WEIGHT * (np.clip(prime[:, night], -CLIP, CLIP) - average)
        average = np.where(known[:, night], moved, average)
        averages[:, night] = average
    return np.abs(prime), np.abs(averages) / AVERAGE_SD


def strictest(sentiments: Array, given_stars: bool, delay: int = DELAY_NIGHTS) -> tuple[Array, Array]:
    """The largest |z′| and |moving average| of the sentiments, each night."""
    counts = sentiments if given_stars else sentiments.sum(2, keepdims=True)
    totals = counts.sum(-1)
    charts = [laney(z_of(counts[..., one], totals), delay) for one in range(counts.shape[-1])]
    return np.max([z for z, _ in charts], 0), np.max([average for _, average in charts], 0)


def rare_deviates(counts: Array, totals: Array, week: bool = True) -> Array:
    """The normal deviate of each count's exact probability, divided by the spread; 0 where nothing is to be seen.

    With `week`, the larger of the night's and of the last seven nights'.
    """
    z = z_of(counts[..., None], totals[..., None])
    found = _deviates(z, counts, totals, before(counts), before(totals))
    if week:
        sums, sizes = _week(counts), _week(totals)
        earlier, size = (before(_later(values, WEEK_NIGHTS - 1)) for values in (counts, totals))
        of_week = compare(*(values[..., None] for values in (sums, sizes, earlier, size)))
        enough = (np.arange(z.shape[1]) >= LEAST_NIGHTS + WEEK_NIGHTS - 1) & (size >= LEAST_VERBATIMS)
        found = np.maximum(found, _deviates(np.where(enough, of_week, 0), sums, sizes, earlier, size))
    return found / spreads(z)


def _week(values: Array) -> Array:
    return values + before(values, WEEK_NIGHTS - 1)


def _later(values: Array, nights: int) -> Array:
    return np.concatenate([np.zeros_like(values[:, :nights]), values[:, : values.shape[1] - nights]], 1)


def _deviates(z: Array, counts: Array, totals: Array, earlier: Array, size: Array) -> Array:
    found = np.zeros(counts.shape)
    for at in zip(*np.nonzero(np.nan_to_num(z) > WORTH_A_LOOK), strict=True):
        chance = excess(int(counts[at]), int(totals[at]), int(earlier[at]), int(size[at]))
        found[at] = max(deviate(chance), 0)
    return found


def baseline_z(sentiments: Array) -> Array:
    """Sources × blocks: the largest |z′| of each block of 28 nights against the first 28."""
    totals = sentiments.sum(-1)
    blocks = totals.shape[1] // BLOCK_NIGHTS
    found = [_baseline(sentiments[..., one], totals, blocks) for one in range(sentiments.shape[-1])]
    return np.max(found, 0)


def _baseline(counts: Array, totals: Array, blocks: int) -> Array:
    by_block = (counts.shape[0], blocks, BLOCK_NIGHTS, counts.shape[2])
    sums, sizes = (values[:, : blocks * BLOCK_NIGHTS].reshape(by_block).sum(2) for values in (counts, totals))
    first, size = sums[:, :1], sizes[:, :1]
    own = counts[:, :BLOCK_NIGHTS], totals[:, :BLOCK_NIGHTS]
    z = compare(*own, first - own[0], size - own[1])
    spread = np.sqrt(np.maximum((z**2).mean(1, keepdims=True), 1))
    return np.abs(compare(sums[:, 1:], sizes[:, 1:], first, size)) / spread


def usual_tests(sentiments: Array) -> dict[str, Array]:
    """Where the usual tests of a night's sentiments against the 28 nights before alarm: sources × nights."""
    night = sentiments.sum(2).astype(float)
    reference = before(night)
    enough = np.arange(night.shape[1]) >= LEAST_NIGHTS
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = (np.clip(v / v.sum(-1, keepdims=True), 1e-4, None) for v in (night, reference))
        pooled = (night + reference) / (night + reference).sum(-1, keepdims=True)
        chi2 = sum(
            ((v - v.sum(-1, keepdims=True) * pooled) ** 2 / (v.sum(-1, keepdims=True) * pooled)).sum(-1)
            for v in (night, reference)
        )
        psi = ((p - q) * np.log(p / q)).sum(-1)
        middle = (p + q) / 2
        divergence = ((p * np.log(p / middle)).sum(-1) + (q * np.log(q / middle)).sum(-1)) / 2
        distance = np.sqrt(np.maximum(divergence, 0))
    found = {"chi², p < .05": chi2 > CHI2_P05, "PSI > .1": psi > 0.1, "Jensen-Shannon > .1": distance > 0.1}
    return {name: alarms & enough for name, alarms in found.items()}
