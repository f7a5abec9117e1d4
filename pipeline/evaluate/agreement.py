"""Two people's labels on the same texts: how far they agree, and where they do not.

It also has the two coefficients of agreement beyond chance, which the scores of an analyser use too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from pipeline.records import Sentiment

Matrix = NDArray[np.float64]
"""Square: counts or weights by the first one's category (row) and the second one's (column)."""

CLASSES = tuple(Sentiment)
"""The order of rows and columns."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two people say of the texts that both have labelled. None where nothing can be said."""

    labels: int
    """Texts that both have labelled."""
    agreement: float | None
    """The share of equal labels; 0 to 1."""
    kappa: float | None
    """Cohen's. Low where nearly all texts have one sentiment, however well the two agree."""
    ac1: float | None
    """Gwet's. Such texts do not lower it."""
    differ: tuple[str, ...]
    """Ids of the texts with two different labels, sorted."""


def agree(first: Mapping[str, Sentiment], second: Mapping[str, Sentiment]) -> Agreement:
    """Compare the labels of two people, each given by verbatim_id. Texts that only one has labelled are left out."""
    both = sorted(first.keys() & second.keys())
    matrix = np.zeros((len(CLASSES), len(CLASSES)))
    for name in both:
        matrix[CLASSES.index(first[name]), CLASSES.index(second[name])] += 1
    share = float(np.trace(matrix)) / len(both) if both else None
    differ = tuple(name for name in both if first[name] is not second[name])
    return Agreement(len(both), share, kappa(matrix), ac1(matrix), differ)


def kappa(matrix: Matrix) -> float | None:
    """Cohen's kappa (Educ. Psychol. Meas. 20, 1960); None without labels, or where both have one category only."""
    if not matrix.sum() or np.count_nonzero(matrix.sum(0) + matrix.sum(1)) < 2:
        return None
    rows, columns = np.indices(matrix.shape)
    found = cohen_kappa_score(rows.ravel(), columns.ravel(), sample_weight=matrix.ravel())
    return None if isnan(found) else float(found)


def ac1(matrix: Matrix) -> float | None:
    """Gwet's AC1 (Br. J. Math. Stat. Psychol. 61, 2008); None without labels.

    Chance agreement is Σ π(1 - π) ÷ (categories - 1), where π is a category's mean share of both.
    """
    total = matrix.sum()
    if not total:
        return None
    shares = (matrix.sum(0) + matrix.sum(1)) / 2 / total
    chance = float((shares * (1 - shares)).sum()) / (len(matrix) - 1)
    return (float(np.trace(matrix) / total) - chance) / (1 - chance)
