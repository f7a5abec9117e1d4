"""How well an analyser does against people's labels. Needs the extra `model`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, sqrt

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from pipeline.evaluate.agreement import CLASSES, Matrix, ac1, kappa
from pipeline.evaluate.resampling import Array, f1_of, percentiles, resampled
from pipeline.records import Sentiment

LEAST_LABELS = 300
"""Of all classes together: with them the macro-F1 of a real analyser has a standard deviation of .032, and its interval
holds the truth in 95 %."""

LEAST_A_CLASS = 50
"""Of one class: with 24 or 36 labels the standard deviation of its F1 is .085 or .067."""

Z95 = 1.959964
"""Standard deviations to each side of a 95 % interval."""

NO_ANSWER = len(CLASSES)
"""The column of the confusion matrix behind those of the classes."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text that a person has labelled, and what the analyser says of it."""

    label: Sentiment
    predicted: Sentiment | None
    """None: the analyser has no good answer, which is wrong everywhere."""
    weight: float
    """How many texts of the population it stands for; above 0."""
    stratum: str
    """What it was drawn from."""
    topics: frozenset[str] | None
    """Ids; None where the person left them open."""
    predicted_topics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class is found. The numbers are None with fewer than 50 labels of it."""

    labels: int
    precision: float | None = None
    """Of the texts predicted to be of it, those that are; None too where none is predicted."""
    recall: float | None = None
    """Of the texts labelled with it, those that are predicted."""
    f1: float | None = None
    low: float | None = None
    high: float | None = None
    """The ends of the 95 % interval of F1, by bootstrap."""


@dataclass(frozen=True, slots=True)
class TopicScore:
    """How well topics are found, all topics together; 0 to 1. None with fewer than 50 texts, or without any topic."""

    labels: int
    """Texts whose topics are labelled."""
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """All shares are weighted: they are estimates for the population that the labels were drawn from."""

    labels: int
    enough: bool
    """Whether there are 300 labels. Without them, a comparison with another analyser says little."""
    classes: Mapping[Sentiment, ClassScore]
    accuracy: Estimate | None
    """None without labels."""
    macro_f1: Estimate | None
    """The mean of the classes' F1; None unless each class that is labelled or predicted has 50 labels."""
    kappa: float | None
    ac1: float | None
    """Agreement beyond chance: Cohen's and Gwet's. An answer that is not good counts as a category where there is
    one."""
    counts: Mapping[tuple[Sentiment, Sentiment | None], int]
    """The confusion matrix, by label and prediction; cells without a text are missing."""
    topics: TopicScore


def score(rows: Sequence[Labelled], seed: int = 7) -> Scores:
    """Compare predictions with labels. The same rows and seed give the same intervals."""
    matrix = _matrix(rows)
    square = _square(matrix)
    draws = ((row.stratum, row.weight, CLASSES.index(row.label), _column(row)) for row in rows)
    f1s = f1_of(resampled(draws, matrix.shape, seed))
    return Scores(
        labels=len(rows),
        enough=len(rows) >= LEAST_LABELS,
        classes=_classes(rows, f1s),
        accuracy=_accuracy(rows),
        macro_f1=_macro_f1(rows, matrix, f1s),
        kappa=kappa(square),
        ac1=ac1(square),
        counts=Counter((row.label, row.predicted) for row in rows),
        topics=_topics([row for row in rows if row.topics is not None]),
    )


def not_enough(rows: Sequence[Labelled]) -> str | None:
    """What is missing for a macro-F1 that can be trusted, in a few words; None if nothing is."""
    if len(rows) < LEAST_LABELS:
        return f"not enough labels: {len(rows)} of {LEAST_LABELS}"
    found = Counter(row.label for row in rows)
    small = [f"{one}: {found[one]} of {LEAST_A_CLASS}" for one in _occurring(rows) if found[one] < LEAST_A_CLASS]
    return f"not enough labels of {', '.join(small)}" if small else None


def wilson(share: float, size: float) -> tuple[float, float]:
    """The 95 % interval of a share of `size` labels (Wilson, J. Am. Stat. Assoc. 22, 1927).

    `size` is above 0 and may be a fraction, as `effective_size` gives it.
    """
    factor = Z95**2 / size
    middle = (share + factor / 2) / (1 + factor)
    half = Z95 * sqrt(share * (1 - share) / size + factor / size / 4) / (1 + factor)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def effective_size(weights: Sequence[float]) -> float:
    """How many labels of equal weight say as much: (Σw)² ÷ Σw² (Kish, Survey Sampling, 1965)."""
    return sum(weights) ** 2 / sum(weight**2 for weight in weights)


def _column(row: Labelled) -> int:
    return NO_ANSWER if row.predicted is None else CLASSES.index(row.predicted)


def _matrix(rows: Sequence[Labelled]) -> Matrix:
    matrix = np.zeros((len(CLASSES), NO_ANSWER + 1))
    for row in rows:
        matrix[CLASSES.index(row.label), _column(row)] += row.weight
    return matrix


def _square(matrix: Matrix) -> Matrix:
    """With a row for no answer, which nobody labels; without row and column where there is always an answer."""
    if not matrix[:, NO_ANSWER].any():
        return matrix[:, :NO_ANSWER]
    return np.vstack([matrix, np.zeros(NO_ANSWER + 1)])


def _occurring(rows: Sequence[Labelled]) -> list[Sentiment]:
    found = {row.label for row in rows} | {row.predicted for row in rows}
    return [one for one in CLASSES if one in found]


def _classes(rows: Sequence[Labelled], f1s: Array) -> dict[Sentiment, ClassScore]:
    labels = Counter(row.label for row in rows)
    if not rows:
        return {one: ClassScore(0) for one in CLASSES}
    found = precision_recall_fscore_support(
        [CLASSES.index(row.label) for row in rows],
        [_column(row) for row in rows],
        labels=range(len(CLASSES)),
        sample_weight=[row.weight for row in rows],
        zero_division=np.nan,
    )
    found = np.array(found[:3]).T
    return {
        one: _class(labels[one], found[at], f1s[:, at]) if labels[one] >= LEAST_A_CLASS else ClassScore(labels[one])
        for at, one in enumerate(CLASSES)
    }


def _class(labels: int, found: Array, f1s: Array) -> ClassScore:
    precision, recall, f1 = (None if isnan(value) else float(value) for value in found)
    return ClassScore(labels, precision, recall, f1, *percentiles(f1s))


def _accuracy(rows: Sequence[Labelled]) -> Estimate | None:
    if not rows:
        return None
    weights = [row.weight for row in rows]
    share = sum(row.weight for row in rows if row.predicted is row.label) / sum(weights)
    return Estimate(share, *wilson(min(share, 1.0), effective_size(weights)))


def _macro_f1(rows: Sequence[Labelled], matrix: Matrix, f1s: Array) -> Estimate | None:
    labels = Counter(row.label for row in rows)
    occurring = _occurring(rows)
    if not occurring or any(labels[one] < LEAST_A_CLASS for one in occurring):
        return None
    at = [CLASSES.index(one) for one in occurring]
    value = float(f1_of(matrix[None])[0, at].mean())
    return Estimate(value, *percentiles(f1s[:, at].mean(1)))


def _topics(rows: Sequence[Labelled]) -> TopicScore:
    if len(rows) < LEAST_A_CLASS:
        return TopicScore(len(rows))
    pairs = [(row.weight, row.topics or frozenset(), row.predicted_topics) for row in rows]
    right = sum(weight * len(labelled & predicted) for weight, labelled, predicted in pairs)
    labelled = sum(weight * len(one) for weight, one, _ in pairs)
    predicted = sum(weight * len(one) for weight, _, one in pairs)
    return TopicScore(
        len(rows),
        precision=right / predicted if predicted else None,
        recall=right / labelled if labelled else None,
        f1=2 * right / (labelled + predicted) if labelled + predicted else None,
    )
