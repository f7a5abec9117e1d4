"""Evaluations and comparisons carry over where only the topics of an analyser change."""

import json

import pytest

from pipeline.records import AnalyserRecord
from pipeline.store import Store


def analyser(prompt: str, *topics: str) -> AnalyserRecord:
    listed = "\n".join(f"- {topic} — a theme" for topic in topics)
    enum = {"properties": {"topics": {"items": {"enum": list(topics)}}}}
    definition = {"instructions": f"{prompt}\n{listed}", "topics": list(topics), "schema": enum}
    return AnalyserRecord(f"{prompt}-{len(topics)}", "sandbox", prompt, json.dumps(definition))


FIRST, SECOND, THIRD = (analyser(prompt, "delivery") for prompt in ("first", "second", "third"))
SECOND_WITH_TOPIC = analyser("second", "delivery", "gift_wrap")


@pytest.fixture
def noted(store: Store) -> Store:
    for one in (FIRST, SECOND, THIRD, SECOND_WITH_TOPIC):
        store.analysers.note(one)
    return store


def compared(store: Store, first: AnalyserRecord, second: AnalyserRecord, verdict: str) -> None:
    store.evaluations.add_comparison(first.fingerprint, second.fingerprint, verdict, {})


def is_worse(store: Store, one: AnalyserRecord) -> bool:
    return store.evaluations.found_worse(one.fingerprint) is not None


def test_the_latest_evaluation_of_a_series_is_shown(noted: Store) -> None:
    for one, labels in ((FIRST, 300), (SECOND, 310), (SECOND_WITH_TOPIC, 320)):
        noted.evaluations.add(one.fingerprint, labels, {})
    assert [one.labels for one in noted.evaluations.latest()] == [320, 300]


def test_worse_stands_until_a_comparison_with_the_same_other_analyser_says_not_worse(noted: Store) -> None:
    assert not is_worse(noted, SECOND)
    compared(noted, FIRST, SECOND, "worse")
    compared(noted, THIRD, SECOND, "not_worse")
    compared(noted, FIRST, SECOND, "cannot_tell")
    assert is_worse(noted, SECOND) and is_worse(noted, SECOND_WITH_TOPIC) and not is_worse(noted, FIRST)
    compared(noted, FIRST, SECOND_WITH_TOPIC, "not_worse")
    assert not is_worse(noted, SECOND) and not is_worse(noted, SECOND_WITH_TOPIC)


def test_topics_that_make_an_analyser_worse_block_it_alone(noted: Store) -> None:
    compared(noted, SECOND, SECOND_WITH_TOPIC, "worse")
    assert is_worse(noted, SECOND_WITH_TOPIC) and not is_worse(noted, SECOND)
