"""New topics of one theme count together, and each theme knows what resembles it."""

from __future__ import annotations

import random
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.evaluate.candidates import Candidate, Neighbour, Said, collect, neighbours
from pipeline.topic_key import topic_key

KNOWN = {
    "customer_service": ("Service client : accueil, réponse", "Customer service: welcome, answers"),
    "delivery": ("Livraison : délais, suivi", "Delivery: delays, tracking"),
}
LABELS = ("Mode sombre", "mode sombre", "Modes sombres", "Dark mode", "Paroles", "👍", " ")
SAID = st.builds(
    Said,
    st.sampled_from(LABELS),
    st.just("…"),
    st.none() | st.sampled_from("abcdef"),
    st.sampled_from(["app", "shop"]),
    st.sampled_from(["fr", "en", None]),
)


def said(label: str, quote: str | None = None, source: str = "app", language: str | None = "fr") -> Said:
    return Said(label, f"Définition de {label}", quote, source, language)


def themes(*labels: str) -> list[Candidate]:
    return collect(said(label) for label in labels)


def test_spellings_of_one_theme_are_one_candidate_with_its_counts() -> None:
    [dark, lyrics] = collect(
        [
            said("Paroles"),
            said("Modes sombres", "trop clair", "shop"),
            said("Mode sombre", "mal aux yeux"),
            said("Mode sombre", "mal aux yeux", language="en"),
            said("mode sombre", None, language=None),
        ]
    )
    assert (dark.label, dark.definition, dark.count) == ("Mode sombre", "Définition de Mode sombre", 4)
    assert dark.spellings == {"Mode sombre": 2, "Modes sombres": 1, "mode sombre": 1}
    assert (dark.sources, dark.languages) == ({"app": 3, "shop": 1}, {"fr": 2, "en": 1})
    assert dark.quotes == ("trop clair", "mal aux yeux")
    assert (lyrics.label, lyrics.count, lyrics.quotes) == ("Paroles", 1, ())


def test_three_different_quotes_are_kept() -> None:
    [one] = collect(said("Paroles", quote) for quote in ("a", "b", "a", None, "c", "d"))
    assert one.quotes == ("a", "b", "c")


@given(st.lists(SAID))
def test_what_was_said_is_counted_once_and_the_most_frequent_comes_first(given: list[Said]) -> None:
    candidates = collect(given)
    spelled = Counter(one.label for one in given if one.label.strip())
    assert sum((Counter(one.spellings) for one in candidates), Counter()) == spelled
    assert [one.count for one in candidates] == sorted((one.count for one in candidates), reverse=True)
    for one in candidates:
        assert one.count == sum(one.spellings.values()) == sum(one.sources.values()) >= sum(one.languages.values())
        assert one.spellings[one.label] == max(one.spellings.values())
        assert len(set(one.quotes)) == len(one.quotes) <= 3


@given(st.lists(SAID), st.randoms(use_true_random=False))
def test_the_order_of_what_was_said_decides_quotes_alone(given: list[Said], shuffling: random.Random) -> None:
    def without_quotes(said: list[Said]) -> list[tuple[object, ...]]:
        return [(one.key, one.label, one.count, one.spellings, one.sources) for one in collect(said)]

    assert without_quotes(shuffling.sample(given, len(given))) == without_quotes(given)


def test_a_slip_of_the_pen_and_a_longer_label_are_neighbours() -> None:
    candidates = themes("Mode sombre", "Mode sombre manquant", "Notifications push", "Notificatoins push", "Écran noir")
    found = {one.label: [near.label for near in neighbours(candidates, {})[one.key]] for one in candidates}
    assert found == {
        "Mode sombre": ["Mode sombre manquant"],
        "Mode sombre manquant": ["Mode sombre"],
        "Notifications push": ["Notificatoins push"],
        "Notificatoins push": ["Notifications push"],
        "Écran noir": [],
    }


@pytest.mark.parametrize(
    ("label", "topic", "name"),
    [
        ("Service clients", "customer_service", "Service client"),
        ("Late delivery", "delivery", "delivery"),
        ("Délai de la livraison", "delivery", "Livraison"),
        ("Retour client", None, None),
        ("Suivi", None, None),
    ],
)
def test_a_known_topic_is_found_by_its_id_and_by_its_names_before_the_colon(
    label: str, topic: str | None, name: str | None
) -> None:
    [candidate] = themes(label)
    found = [(near.key_or_topic_id, near.label, near.known) for near in neighbours([candidate], KNOWN)[candidate.key]]
    assert found == ([(topic, name, True)] if topic else [])


def test_the_three_most_similar_are_given_each_once_and_in_order() -> None:
    candidates = themes("Prix de l'abonnement", "Prix", "Abonnement", "Prix juste", "Abonnement annuel prix")
    known = {"price": ("Prix : cher", "Price"), "subscription": ("Abonnement", "Subscription")}
    found = neighbours(candidates, known)
    assert [near.score for near in found[topic_key("Prix de l'abonnement")]] == [100, 100, 100]
    for one in candidates:
        near = found[one.key]
        assert len(near) <= 3 and near == sorted(near, key=lambda neighbour: -neighbour.score)
        assert len({(neighbour.key_or_topic_id, neighbour.known) for neighbour in near}) == len(near)
        assert Neighbour(one.key, one.label, 100.0, known=False) not in near
        assert all(80 <= neighbour.score <= 100 for neighbour in near)


def test_without_rapidfuzz_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(SettingsError, match=r"pip install 'verbatims\[model\]'"):
        neighbours(themes("Paroles"), {})
