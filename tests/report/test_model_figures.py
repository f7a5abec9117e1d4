"""The model's part of the report, in both languages."""

from dataclasses import replace

import pytest
from analysers import ANALYSER

from pipeline.report.facts import Facts, facts_of
from pipeline.report.model_figures import model_figures
from pipeline.report.words import Language, Words
from pipeline.store import Judged, Store

FAR = Judged("shop", "given_stars", "negative", "2026-01-05", "ready", 1.5, 0.42, 0.29)
NEAR = replace(FAR, signal="refusal", sentiment="", score=0.2, share=0.0, expected=0.0)
UNKNOWN = replace(FAR, source="elsewhere", state="not_enough", score=None, share=None, expected=None)


@pytest.fixture
def facts(store: Store) -> Facts:
    """Three verdicts, and one evaluation with labels of one class only."""
    run_id = store.runs.start("sandbox", "test")
    store.analysers.note(ANALYSER)
    store.analysers.set_name(ANALYSER.fingerprint, "first")
    store.nights.judge("v1", [NEAR, FAR, UNKNOWN], [])
    store.evaluations.add(ANALYSER.fingerprint, 300, {"f1": {"negative": [0.8, 0.75, 0.85], "macro": None}})
    return facts_of(store, run_id)


def test_signals_are_listed_from_the_nearest_to_the_limit_and_unknown_ones_are_never_fine(facts: Facts) -> None:
    signals, _ = model_figures(facts, Words(Language.EN))
    assert [[str(cell).replace("\u00a0", " ") for cell in row] for row in signals.rows] == [
        [
            "shop",
            "sentiment given the stars: negative",
            "2026-01-05",
            "42.0 %",
            "29.0 %",
            "150.0 %",
            "beyond the limit",
        ],
        ["shop", "refusals", "2026-01-05", "0.0 %", "0.0 %", "20.0 %", "within the limit"],
        ["elsewhere", "1 signal", "–", "–", "–", "–", "not enough to judge"],
    ]


def test_an_evaluation_shows_where_labels_are_missing(facts: Facts) -> None:
    _, evaluations = model_figures(facts, Words(Language.FR))
    [row] = evaluations.rows
    assert row[0] == "first" and row[2] == "300"
    assert list(row[3:]) == [
        *("pas assez d'étiquettes", "pas assez d'étiquettes", "0,80 (0,75 à 0,85)"),
        *("pas assez d'étiquettes", "pas assez d'étiquettes"),
    ]


def test_a_store_that_was_never_judged_has_no_such_part(store: Store) -> None:
    facts = facts_of(store, store.runs.start("sandbox", "test"))
    assert model_figures(facts, Words(Language.EN)) == []
