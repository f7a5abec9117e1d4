"""Shares of sentiments, corrected by labels."""

from collections import Counter
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from pipeline.evaluate.corrected import Checked, correct
from pipeline.evaluate.sample import Stratum, allocate
from pipeline.records import Sentiment

POSITIVE, NEUTRAL, NEGATIVE, MIXED = Sentiment
CLASSES = list(Sentiment)
SHARES = [0.45, 0.12, 0.35, 0.08]
ANSWERS = np.array(
    [[0.93, 0.02, 0.01, 0.04], [0.12, 0.7, 0.12, 0.06], [0.01, 0.04, 0.91, 0.04], [0.1, 0.05, 0.2, 0.65]]
)
"""What an analyser answers to each sentiment: 87 % right, and too few mixed ones."""


class World:
    """20,000 texts of two sources, with labels that nobody knows and answers that are published."""

    def __init__(self) -> None:
        random = np.random.default_rng(11)
        self.labels = random.choice(4, 20_000, p=SHARES)
        answers = np.array([random.choice(4, p=ANSWERS[label]) for label in self.labels])
        self.truth = {one: float((self.labels == at).mean()) for at, one in enumerate(CLASSES)}
        sources = np.where(random.random(20_000) < 0.7, "app", "shop")
        self.strata: dict[Stratum, np.ndarray[tuple[int], np.dtype[np.int64]]] = {
            (str(source), one): np.flatnonzero((answers == at) & (sources == source))
            for source in ("app", "shop")
            for at, one in enumerate(CLASSES)
        }
        self.populations = {stratum: len(texts) for stratum, texts in self.strata.items()}

    def draw(self, sizes: dict[Stratum, int], random: np.random.Generator) -> list[Checked]:
        return [
            Checked(CLASSES[self.labels[text]], *stratum)
            for stratum, size in sizes.items()
            for text in random.choice(self.strata[stratum], size, replace=False)
        ]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def in_proportion(populations: dict[Stratum, int], size: int) -> dict[Stratum, int]:
    total = sum(populations.values())
    return {stratum: max(round(size * count / total), 1) for stratum, count in populations.items()}


@pytest.mark.parametrize("design", [in_proportion, allocate])
def test_the_interval_holds_the_truth_in_95_percent_and_is_narrow(
    world: World, design: Callable[[dict[Stratum, int], int], dict[Stratum, int]]
) -> None:
    sizes, random = design(world.populations, 300), np.random.default_rng(5)
    inside: Counter[Sentiment] = Counter()
    halves: list[float] = []
    for _ in range(300):
        found = correct(world.draw(sizes, random), world.populations)
        assert found is not None
        inside.update(one for one, share in found.items() if share.low <= world.truth[one] <= share.high)
        halves.append((found[NEGATIVE].high - found[NEGATIVE].low) / 2)
    assert all(0.92 <= inside[one] / 300 <= 0.985 for one in Sentiment)
    alone = 1.96 * sqrt(world.truth[NEGATIVE] * (1 - world.truth[NEGATIVE]) / 300)
    assert alone == pytest.approx(0.053, abs=0.002) and sum(halves) / 300 < 0.6 * alone


def test_by_hand() -> None:
    """Of 80 predicted positive, 1 of 4 labels says negative; of 20 predicted negative, none of 2 says otherwise."""
    labels = [*[POSITIVE] * 3, NEGATIVE]
    rows = [Checked(one, "app", POSITIVE) for one in labels] + [Checked(NEGATIVE, "app", NEGATIVE)] * 2
    found = correct(rows, {("app", POSITIVE): 80, ("app", NEGATIVE): 20})
    assert found is not None
    negative = found[NEGATIVE]
    assert negative.published == 0.2 and negative.corrected == pytest.approx(0.8 * 0.25 + 0.2)
    variance = 0.8**2 * 0.3 * 0.7 / 4 * (1 - 4 / 80) + 0.2**2 * (5 / 6) * (1 / 6) / 2 * (1 - 2 / 20)
    assert negative.high - negative.corrected == pytest.approx(1.959964 * sqrt(variance))


def test_labels_of_everything_leave_no_doubt() -> None:
    rows = [Checked(POSITIVE, "app", POSITIVE), Checked(MIXED, "app", POSITIVE)]
    found = correct(rows, {("app", POSITIVE): 2})
    assert found is not None and (found[MIXED].low, found[MIXED].high) == (0.5, 0.5)


def test_a_source_without_labels_is_as_the_others() -> None:
    rows = [Checked(POSITIVE, "app", POSITIVE), Checked(MIXED, "app", POSITIVE)]
    found = correct(rows, {("app", POSITIVE): 50, ("shop", POSITIVE): 50})
    assert found is not None and found[MIXED].corrected == 0.5


def test_nothing_is_corrected_where_a_predicted_sentiment_has_no_label() -> None:
    rows = [Checked(POSITIVE, "app", POSITIVE)]
    assert correct(rows, {("app", POSITIVE): 50, ("app", MIXED): 1}) is None
    assert correct([], {}) is None


def test_more_labels_than_texts_are_an_error() -> None:
    with pytest.raises(ValueError, match="app: 1 labels"):
        correct([Checked(POSITIVE, "app", POSITIVE)], {("app", MIXED): 1})
