"""Two people's labels, and the coefficients of agreement beyond chance."""

import numpy as np
import pytest

from pipeline.evaluate.agreement import ac1, agree, kappa
from pipeline.records import Sentiment

POSITIVE, NEUTRAL, NEGATIVE, MIXED = Sentiment


def test_two_people_agree_on_what_both_have_labelled() -> None:
    first = {"a": POSITIVE, "b": NEGATIVE, "c": MIXED, "only": NEUTRAL}
    second = {"c": NEGATIVE, "b": NEGATIVE, "a": POSITIVE, "other": NEUTRAL}
    found = agree(first, second)
    assert found.labels == 3 and found.agreement == pytest.approx(2 / 3) and found.differ == ("c",)


def test_the_paradox_of_kappa() -> None:
    """118 times yes and yes, 5 and 2 of two kinds, never no and no: 94 % agree, kappa is -.02 and AC1 .94."""
    matrix = np.array([[118.0, 5.0], [2.0, 0.0]])
    assert kappa(matrix) == pytest.approx(-0.0234, abs=5e-5) and ac1(matrix) == pytest.approx(0.9408, abs=5e-5)


def test_kappa_as_cohen_defines_it() -> None:
    """20 and 15 of 50 on the diagonal: .70 agree, .50 by chance."""
    assert kappa(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx((0.7 - 0.5) / 0.5)


def test_nothing_is_said_of_nothing() -> None:
    assert agree({"a": POSITIVE}, {}).kappa is agree({"a": POSITIVE}, {}).ac1 is None
    found = agree({"a": POSITIVE}, {"a": POSITIVE})
    assert (found.agreement, found.kappa, found.ac1) == (1, None, 1)
