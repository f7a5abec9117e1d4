"""Decisions about new topics follow merges to their end, and rows that change are due once more."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from analysers import ANALYSER

from pipeline import new_topics
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyse.topics import load_topics
from pipeline.claiming import CompletedRequest
from pipeline.errors import InputError
from pipeline.records import Analysis, NewTopic, Sentiment, Topic
from pipeline.store import Store
from pipeline.store.decisions import now

from .test_claims import GOOD, asks
from .test_deliveries import Watched, read

BASE = load_topics(None)
GIFT = Topic("gift_wrap", "Papier cadeau : emballage pour offrir", "Gift wrap: wrapping for presents")
LABELS = {"a": "emballage cadeau", "b": "gift wrapping", "c": "papier de soie", "d": "fidélité"}


@pytest.fixture
def watched(store: Store, tmp_path: Path) -> Watched:
    """Four rows in the warehouse, each with a new topic of its own."""
    name_topics(store, LABELS)
    warehouse = Watched(tmp_path / "rows.db")
    warehouse.load(store)
    return warehouse


def name_topics(store: Store, labels: dict[str, str]) -> None:
    """Each verbatim's answer names one new topic."""
    run_id = read(store, {name: f"about {label}" for name, label in labels.items()})
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    done = []
    for one in claims.take(asks(claims)).asks:
        label = one.text.removeprefix("about ")
        answer = Analysis("Bien.", Sentiment.POSITIVE, ("delivery",), (NewTopic(label, "A theme.", label),))
        done.append(CompletedRequest(one, (replace(GOOD, analysis=answer),), None, False))
    claims.commit(done)
    claims.release()


def sent(store: Store, watched: Watched) -> Sequence[str]:
    """Which rows a load brings."""
    watched.load(store)
    return watched.given


def topics_of(watched: Watched) -> dict[str, list[str]]:
    """Row → its topics, then its new topics in brackets; all rows have `delivery`, which is left out."""
    with closing(sqlite3.connect(watched.path)) as connection:
        rows = connection.execute("SELECT external_id, topics, new_topics FROM verbatims_analysed_v2 ORDER BY 1")
        return {
            name: [*json.loads(topics)[1:], *(f"({one['label']})" for one in json.loads(new))]
            for name, topics, new in rows
        }


def waiting(store: Store) -> dict[str, int]:
    return {one.label: one.count for one in new_topics.candidates(store)}


def test_a_chain_of_merges_shares_the_decision_about_its_end(store: Store, watched: Watched) -> None:
    assert store.topics.merge("gift wrapping", "emballage cadeau") == 0
    assert store.topics.merge("papier de soie", "gift wrapping") == 0
    assert waiting(store) == {"emballage cadeau": 3, "fidélité": 1}
    assert topics_of(watched) == {name: [f"({label})"] for name, label in LABELS.items()}

    assert store.topics.accept("Emballages cadeaux", GIFT, known=False) == 3
    assert sent(store, watched) == ["a", "b", "c"]
    assert topics_of(watched) == {"a": ["gift_wrap"], "b": ["gift_wrap"], "c": ["gift_wrap"], "d": ["(fidélité)"]}
    assert store.topics.accepted() == (GIFT,) and waiting(store) == {"fidélité": 1}


def test_a_label_merged_into_a_decided_one_changes_at_once(store: Store, watched: Watched) -> None:
    assert store.topics.accept("emballage cadeau", GIFT, known=False) == 1
    assert store.topics.reject("fidélité") == 1
    assert sent(store, watched) == ["a", "d"]
    assert store.topics.merge("gift wrapping", "emballage cadeau") == 1
    assert store.topics.merge("papier de soie", "fidélité") == 1
    assert sent(store, watched) == ["b", "c"]
    assert topics_of(watched) == {"a": ["gift_wrap"], "b": ["gift_wrap"], "c": [], "d": []}


@pytest.mark.parametrize("into", ["papier de soie", "Gift wrapping", "emballages cadeaux"])
def test_no_merge_closes_a_circle(store: Store, watched: Watched, into: str) -> None:
    store.topics.merge("papier de soie", "gift wrapping")
    store.topics.merge("gift wrapping", "emballage cadeau")
    with pytest.raises(InputError, match="one theme already"):
        store.topics.merge("emballage cadeau", into)
    assert waiting(store) == {"emballage cadeau": 3, "fidélité": 1}


def test_a_later_decision_replaces_an_earlier_one_and_its_rows_are_due_again(store: Store, watched: Watched) -> None:
    assert new_topics.reject(store, "fidélité") == 1
    assert new_topics.accept_as(store, BASE, "fidélité", "price")[1] == 1
    assert sent(store, watched) == ["d"] and topics_of(watched)["d"] == ["price"]
    assert new_topics.merge(store, "fidélité", "gift wrapping") == 1
    assert sent(store, watched) == ["d"] and topics_of(watched)["d"] == ["(fidélité)"]
    assert waiting(store)["gift wrapping"] == 2
    assert new_topics.reject(store, "fidélité") == 1
    assert waiting(store)["gift wrapping"] == 1 and sent(store, watched) == ["d"]


def test_the_same_decision_again_makes_its_rows_due_again(store: Store, watched: Watched) -> None:
    """A process that dies between the decision and its rows leaves rows that nobody else would bring."""
    for _ in range(2):
        assert new_topics.reject(store, "fidélité") == 1
        assert sent(store, watched) == ["d"]


def test_rows_that_come_later_follow_decisions_made_before(store: Store, watched: Watched) -> None:
    new_topics.merge(store, "gift wrapping", "emballage cadeau")
    new_topics.accept_new(store, BASE, "emballage cadeau", GIFT.fr, GIFT.en, None)
    watched.load(store)
    name_topics(store, {"e": "Gift wrappings"})
    assert sent(store, watched) == ["e"] and topics_of(watched)["e"] == ["gift_wrap"]


def test_an_answer_that_names_the_topic_itself_has_it_once(store: Store, watched: Watched) -> None:
    assert new_topics.accept_as(store, BASE, "fidélité", "delivery")[1] == 1
    watched.load(store)
    assert topics_of(watched)["d"] == []


def test_a_topic_accepted_after_a_run_began_is_not_part_of_it(store: Store, watched: Watched) -> None:
    before = store.runs.start("sandbox", "test")
    new_topics.accept_new(store, BASE, "emballage cadeau", GIFT.fr, GIFT.en, None)
    after = store.runs.start("sandbox", "test")
    assert store.topics.accepted(store.runs.started_at(before)) == ()
    assert store.topics.accepted(store.runs.started_at(after)) == (GIFT,)


def test_a_full_base_takes_no_further_topic(store: Store, watched: Watched) -> None:
    full = tuple(Topic(f"t{number}", "x", "x") for number in range(200))
    with pytest.raises(InputError, match="has 200 topics"):
        new_topics.accept_new(store, full, "fidélité", GIFT.fr, GIFT.en, None)
    assert store.topics.decisions() == [] and store.topics.accepted() == ()


def test_a_topic_that_no_label_stands_for_any_more_leaves_the_base_of_later_runs(
    watched: Watched, store: Store
) -> None:
    store.topics.accept("emballage cadeau", GIFT, known=False)
    run_began = now()
    store.topics.accept("gift wrapping", GIFT, known=True)
    store.topics.reject("emballage cadeau")
    assert store.topics.accepted() == (GIFT,)
    store.topics.merge("gift wrapping", "papier de soie")
    assert store.topics.accepted() == () and store.topics.accepted(run_began) == (GIFT,)
    assert store.topics.ever_accepted() == (GIFT,)


def test_the_same_label_again_corrects_a_name_or_an_id(watched: Watched, store: Store) -> None:
    base, label = load_topics(None), "emballage cadeau"
    first, _ = new_topics.accept_new(store, base, label, "Papier cado", "Gift wrap", None)
    corrected, _ = new_topics.accept_new(store, (*base, first), label, GIFT.fr, GIFT.en, None)
    assert store.topics.accepted() == (corrected,) == (GIFT,)
    renamed, _ = new_topics.accept_new(store, (*base, GIFT), label, GIFT.fr, GIFT.en, "gifts")
    assert store.topics.accepted() == (renamed,)
    watched.load(store)
    assert topics_of(watched)["a"] == ["gifts"]


@pytest.mark.parametrize(
    ("fr", "said"), [("x" * 501, "501 characters"), ("\x1b[2J", "control characters"), (" ", "empty")]
)
def test_a_name_that_must_not_travel_with_each_request_is_refused(
    watched: Watched, store: Store, fr: str, said: str
) -> None:
    with pytest.raises(InputError, match=f"--fr: the text .*{said}"):
        new_topics.accept_new(store, BASE, "emballage cadeau", fr, GIFT.en, None)
    assert store.topics.accepted() == ()
