"""Percentile intervals of F1: the labels drawn again, stratum by stratum."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
"""The ends of a 95 % interval are the 50th value from each side: their own error is some hundredth of its width."""

Array = NDArray[np.float64]
Draw = tuple[str, float, int, int]
"""A label: stratum, weight, number of the labelled class, number of the predicted one."""


def resampled(draws: Iterable[Draw], shape: tuple[int, int], seed: int) -> Array:
    """Confusion matrices of labels drawn with replacement, within strata; resamples × classes × predictions.

    From n labels of a stratum n - 1 are drawn and weighted by n ÷ (n - 1), since n would make the variance of small
    strata too small (Rao and Wu, J. Am. Stat. Assoc. 83, 1988). A stratum with one label stays as it is.
    """
    strata: dict[str, Counter[tuple[float, int, int]]] = defaultdict(Counter)
    for stratum, weight, label, predicted in draws:
        strata[stratum][weight, label, predicted] += 1
    random = np.random.default_rng(seed)
    found = np.zeros((RESAMPLES, *shape))
    for _, cells in sorted(strata.items()):
        _add(found, sorted(cells.items()), random)
    return found


def _add(found: Array, cells: list[tuple[tuple[float, int, int], int]], random: np.random.Generator) -> None:
    counts = np.array([count for _, count in cells])
    size = int(counts.sum())
    drawn = random.multinomial(size - 1, counts / size, RESAMPLES) * size / (size - 1) if size > 1 else counts[None, :]
    for at, ((weight, label, predicted), _) in enumerate(cells):
        found[:, label, predicted] += weight * drawn[:, at]


def f1_of(matrices: Array) -> Array:
    """F1 of each class in each matrix: 2 × right ÷ (labelled + predicted); 0 where there is neither."""
    classes = matrices.shape[1]
    right = np.diagonal(matrices[:, :, :classes], axis1=1, axis2=2)
    both = matrices.sum(2) + matrices.sum(1)[:, :classes]
    found: Array = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
    return found


def percentiles(values: Array) -> tuple[float, float]:
    """The ends of the 95 % interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13)."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
