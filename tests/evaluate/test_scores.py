"""An analyser's scores against people's labels."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from pipeline.evaluate.scores import Labelled, effective_size, not_enough, score, wilson
from pipeline.records import Sentiment

POSITIVE, NEUTRAL, NEGATIVE, MIXED = Sentiment
PRICE, DELIVERY = frozenset({"price"}), frozenset({"delivery"})


def labelled(label: Sentiment, predicted: Sentiment | None = None, weight: float = 1, stratum: str = "1") -> Labelled:
    return Labelled(label, predicted, weight, stratum, None, frozenset())


def drawn(size: int, seed: int, right: float = 0.8) -> list[Labelled]:
    """Labels of four classes, a third of them in a stratum of greater weight."""
    random = np.random.default_rng(seed)
    classes = list(Sentiment)
    labels = random.choice(4, size, p=[0.4, 0.2, 0.2, 0.2])
    predicted = np.where(random.random(size) < right, labels, random.choice(4, size))
    return [
        labelled(classes[a], classes[b], *((3.0, "2") if at % 3 == 0 else (1.0, "1")))
        for at, (a, b) in enumerate(zip(labels, predicted, strict=True))
    ]


def test_scores_are_those_of_scikit_learn() -> None:
    rows = drawn(600, 1)
    labels, predictions, weights = zip(*((row.label, row.predicted, row.weight) for row in rows), strict=True)
    found = score(rows)
    assert found.accuracy and found.macro_f1 and found.enough and not_enough(rows) is None
    assert found.accuracy.value == pytest.approx(accuracy_score(labels, predictions, sample_weight=weights))
    macro = f1_score(labels, predictions, average="macro", sample_weight=weights)
    assert found.macro_f1.value == pytest.approx(macro) and found.macro_f1.low < macro < found.macro_f1.high
    library = precision_recall_fscore_support(labels, predictions, labels=list(Sentiment), sample_weight=weights)
    for at, one in enumerate(found.classes.values()):
        assert (one.precision, one.recall, one.f1) == pytest.approx([column[at] for column in library[:3]])
        assert one.low is not None and one.f1 is not None and one.high is not None and one.low < one.f1 < one.high
    assert sum(found.counts.values()) == 600


def test_wilsons_interval_is_that_of_scipy() -> None:
    ends = binomtest(250, 300).proportion_ci(method="wilson")
    assert wilson(250 / 300, 300) == pytest.approx((ends.low, ends.high))
    assert wilson(1.0, 300)[1] == 1 and wilson(0.0, 300)[0] == 0


def test_unequal_weights_count_as_fewer_labels() -> None:
    assert effective_size([1] * 300) == 300
    assert effective_size([1] * 50 + [3] * 50) == pytest.approx(80)


def test_no_good_answer_is_wrong_everywhere() -> None:
    rows = [labelled(POSITIVE, POSITIVE)] * 60 + [labelled(POSITIVE)] * 40
    found = score(rows)
    one = found.classes[POSITIVE]
    assert (one.precision, one.recall) == (1, 0.6) and one.f1 == pytest.approx(0.75)
    assert found.accuracy and found.accuracy.value == 0.6 and found.counts[POSITIVE, None] == 40
    assert found.macro_f1 and found.macro_f1.value == pytest.approx(0.75) and found.ac1 and found.ac1 < 0.6


def test_a_class_with_few_labels_has_no_score_and_there_is_no_macro_f1() -> None:
    rows = [labelled(POSITIVE, POSITIVE)] * 276 + [labelled(MIXED, POSITIVE)] * 24
    found = score(rows)
    assert found.macro_f1 is None and found.classes[MIXED].f1 is None and found.classes[MIXED].labels == 24
    assert found.classes[POSITIVE].f1 is not None
    assert not_enough(rows) == "not enough labels of mixed: 24 of 50"
    assert not_enough(rows[:120]) == "not enough labels: 120 of 300"


def test_topics_are_scored_where_a_person_has_labelled_them() -> None:
    base = labelled(POSITIVE, POSITIVE)
    kinds = [(PRICE, PRICE), (PRICE | DELIVERY, PRICE), (frozenset[str](), DELIVERY)]
    rows = [
        dataclasses.replace(base, topics=topics, predicted_topics=predicted, weight=weight)
        for weight, (topics, predicted) in enumerate(kinds * 30, start=1)
    ]
    found = score([*rows, base, base]).topics
    binary = MultiLabelBinarizer().fit([PRICE | DELIVERY])
    truth, answers = (binary.transform(one) for one in zip(*(kinds * 30), strict=True))
    weights = [row.weight for row in rows]
    library = precision_recall_fscore_support(truth, answers, average="micro", sample_weight=weights)
    assert found.labels == 90 and (found.precision, found.recall, found.f1) == pytest.approx(library[:3])
    assert score([*rows[:49], base]).topics.f1 is None


@pytest.mark.long
def test_the_interval_of_macro_f1_holds_the_truth() -> None:
    """In 95 % of the cases, give or take what 200 cases allow."""
    everything = score(drawn(60_000, 2)).macro_f1
    assert everything is not None
    found = [score(drawn(400, seed)).macro_f1 for seed in range(100, 300)]
    inside = sum(one is not None and one.low <= everything.value <= one.high for one in found)
    assert 182 <= inside <= 198


def test_intervals_repeat_and_nothing_is_said_of_no_labels() -> None:
    rows = drawn(400, 3)
    assert score(rows) == score(rows)
    empty = score([])
    assert (empty.accuracy, empty.macro_f1, empty.kappa, empty.ac1) == (None,) * 4 and not empty.enough
