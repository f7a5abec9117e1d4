"""Two analysers on the same labels."""

import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.evaluate.paired import TWO_SIDED, Judgement, Pair, compare, interval, judge, mid_p, needed_labels
from pipeline.records import Sentiment

POSITIVE, NEUTRAL, NEGATIVE, MIXED = Sentiment

DIFFERING = 0.105
"""How often two prompts for one model differ in being right, where the powers below were found."""


def verdicts(labels: int, loss: float, times: int = 2000, differing: float = DIFFERING) -> list[Judgement]:
    """Of so many comparisons whose second analyser loses this share of right answers."""
    lost, won = (differing + loss) / 2, (differing - loss) / 2
    drawn = np.random.default_rng(7).multinomial(labels, [lost, won, 1 - differing], times)
    known = {(a, b): judge(int(a), int(b), labels).judgement for a, b in {tuple(row[:2]) for row in drawn}}
    return [known[a, b] for a, b, _ in drawn]


def test_the_published_example() -> None:
    """Fagerland, Lydersen and Laake 2013: 1 and 7 of 21 children; exact p .070, mid-p .039."""
    assert mid_p(1, 7) == mid_p(7, 1) == pytest.approx(0.0391, abs=5e-5)
    assert mid_p(1, 7) == pytest.approx(binomtest(1, 8).pvalue - 8 / 2**8)
    assert mid_p(4, 4) == mid_p(0, 0) == 1


def test_the_interval_is_walds_with_two_pairs_more() -> None:
    """6/23 ± 1.96 × √((10/23 - (6/23)²) ÷ 23)."""
    assert interval(1, 7, 21, TWO_SIDED) == pytest.approx((0.0134, 0.5084), abs=5e-5)
    low, high = interval(0, 0, 300, TWO_SIDED)
    assert low == -high < 0


def test_no_good_answer_is_wrong() -> None:
    pairs = [Pair(POSITIVE, POSITIVE, None)] * 3 + [Pair(MIXED, None, MIXED)] + [Pair(MIXED, None, None)] * 6
    found = compare(pairs)
    assert (found.labels, found.lost, found.won) == (10, 3, 1) and found.difference == pytest.approx(-0.2)


def test_there_are_three_verdicts() -> None:
    assert judge(30, 10, 300).judgement is Judgement.WORSE
    assert judge(10, 30, 300).judgement is Judgement.NOT_WORSE
    found = judge(16, 15, 300)
    assert found.judgement is Judgement.CANNOT_TELL and found.low < found.difference < found.high
    assert found.more_labels == needed_labels(16, 15, 300) - 300 > 300
    assert judge(30, 10, 300).more_labels is judge(10, 30, 300).more_labels is None
    assert judge(0, 0, 0).judgement is Judgement.CANNOT_TELL


@pytest.mark.parametrize(("labels", "power"), [(200, 0.56), (300, 0.75), (500, 0.94)])
def test_a_loss_of_five_points_is_found(labels: int, power: float) -> None:
    found = verdicts(labels, loss=0.05)
    assert found.count(Judgement.WORSE) / len(found) == pytest.approx(power, abs=0.03)


@pytest.mark.parametrize(("labels", "passes"), [(300, 0.50), (1000, 0.90)])
def test_an_equal_analyser_passes(labels: int, passes: float) -> None:
    found = verdicts(labels, loss=0)
    assert found.count(Judgement.NOT_WORSE) / len(found) == pytest.approx(passes, abs=0.04)
    assert found.count(Judgement.WORSE) / len(found) < 0.04


def test_with_the_labels_that_are_named_an_equal_analyser_passes_in_four_of_five_cases() -> None:
    needed = needed_labels(16, 15, 300)
    found = verdicts(needed, loss=0, differing=33 / 302)
    assert found.count(Judgement.NOT_WORSE) / len(found) == pytest.approx(0.8, abs=0.03)


def test_a_loss_at_the_margin_passes_in_one_case_of_twenty() -> None:
    found = verdicts(1000, loss=0.03)
    assert found.count(Judgement.NOT_WORSE) / len(found) < 0.065
