"""Forgetting erases one verbatim at once, with its author's identity, and it does not come back."""

import sqlite3
from contextlib import closing

import pytest
from analysers import ANALYSER

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.clean import prepare
from pipeline.errors import InputError, TransientError
from pipeline.records import Review
from pipeline.retention import expire, forget

from .conftest import BEFORE, GOOD, NEW, OLD, OUTAGE, REFUSED, UNASKED, Scenario, attempt, completed

VERBATIM = {"a": ("canari", GOOD)}


def test_the_row_of_a_forgotten_verbatim_is_kept_without_personal_data(scenario: Scenario) -> None:
    scenario.run_night(NEW, VERBATIM)
    assert forget(scenario.session, "shop", "a").fresh
    [row] = scenario.rows(with_texts=True)
    assert (row["external_id"], row["url"]) == (row["verbatim_id"], None)
    assert (row["written_at"], row["written_on"]) == (None, "2025-12-31")
    assert (row["text"], row["summary"], row["sentiment"], row["rating"]) == (None, None, "mixed", 4.0)


def test_a_forgotten_verbatim_scraped_again_stays_forgotten_even_with_another_text(scenario: Scenario) -> None:
    scenario.run_night(NEW, VERBATIM)
    forget(scenario.session, "shop", "a")
    before = scenario.dump()["texts"], scenario.rows(with_texts=True)
    counts = scenario.count(scenario.run_night(None, {"a": ("canari changé", GOOD), "b": ("moineau", REFUSED)}))
    assert (counts["scraped"], counts["skipped"], counts["failed"]) == (2, {"forgotten": 1}, {"refused": 1})
    after = scenario.dump()["texts"]
    assert ([v for v in after if v["text"] != "moineau"], scenario.rows(with_texts=True)) == before
    assert scenario.store.texts.is_known(Review("shop", "a", "encore autre chose", 1))


def test_the_run_of_a_day_does_not_include_a_forgotten_verbatim(scenario: Scenario) -> None:
    scenario.run_night(NEW, VERBATIM)
    forget(scenario.session, "shop", "a")
    assert scenario.count(scenario.run_night(OLD, VERBATIM))["scraped"] == 0


def test_a_forgotten_verbatim_does_not_count_as_a_failure(scenario: Scenario) -> None:
    run_id = scenario.run_night(NEW, {"a": ("un", UNASKED), "b": ("deux", OUTAGE), "c": ("trois", GOOD)})
    for name in "ab":
        forget(scenario.session, "shop", name)
    counts = scenario.store.runs.count(run_id)
    assert (counts.analysed, counts.pending, counts.skipped, counts.failed) == (1, 0, {"withdrawn": 2}, {})
    assert scenario.store.runs.failures(run_id) == []


@pytest.mark.long
@pytest.mark.parametrize("result", [GOOD, REFUSED, OUTAGE])
def test_an_answer_received_after_forgetting_is_paid_and_not_stored(scenario: Scenario, result: str) -> None:
    run_id = scenario.run_night(NEW, {"a": ("canari", UNASKED), "b": ("canari", UNASKED)})
    claims = scenario.store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    taken = claims.take(scenario.asks(claims, {"canari": result}))
    forget(scenario.session, "shop", "a")
    assert claims.commit([completed(taken.asks[0], attempt(result, "canari"))]) == [None]
    dump = scenario.dump()
    assert [(call["raw"], call["cost_usd"]) for call in dump["attempts"]] == [(None, 0.001)]
    assert (dump["answers"], dump["analyses"]) == ([], [])
    assert taken.asks[0].request_key not in repr(dump["attempts"])
    # a verbatim with the same text that waited for the answer is asked itself
    assert claims.take([*taken.asks, *taken.waiting]).asks == taken.waiting


def test_forgetting_erases_earlier_texts_too(scenario: Scenario) -> None:
    scenario.run_night(OLD, VERBATIM)
    scenario.run_night(NEW, {"a": ("canari changé", GOOD)})
    forget(scenario.session, "shop", "a")
    assert "canari" not in repr(scenario.dump()) + repr(scenario.rows(with_texts=True))


def test_both_verbatims_of_an_id_that_a_newer_rule_hides_are_forgotten(scenario: Scenario) -> None:
    scenario.run_night(NEW, {"0612345678": ("canari d'avant", GOOD)})
    run_id = scenario.store.runs.start("sandbox", "test")
    list(scenario.store.texts.add(run_id, [prepare(Review("shop", "0612345678", "canari d'après", 1))]))
    assert forget(scenario.session, "shop", "0612345678").fresh
    assert "canari" not in repr(scenario.dump()) + repr(scenario.rows(with_texts=True))
    assert len(scenario.dump()["forgotten"]) == 2


def test_an_expired_verbatim_can_be_forgotten(scenario: Scenario) -> None:
    scenario.run_night(OLD, VERBATIM)
    expire(scenario.session, BEFORE)
    assert forget(scenario.session, "shop", "a").fresh and "http" not in repr(scenario.dump()) + repr(
        scenario.rows(with_texts=True)
    )


def test_forgetting_again_erases_what_the_first_call_left_in_the_warehouse(scenario: Scenario) -> None:
    scenario.run_night(NEW, VERBATIM)
    with closing(sqlite3.connect(scenario.warehouse)) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON verbatims_analysed_v2 BEGIN SELECT RAISE(ABORT, 'read only'); END"
        )
        with pytest.raises(TransientError, match="refused"):
            forget(scenario.session, "shop", "a")
        connection.execute("DROP TRIGGER no")
    assert "canari" in repr(scenario.rows(with_texts=True))
    assert forget(scenario.session, "shop", "a").fresh is False
    assert "canari" not in repr(scenario.rows(with_texts=True))


def test_forgetting_an_unknown_verbatim_stores_nothing(scenario: Scenario) -> None:
    scenario.run_night(NEW, VERBATIM)
    before = scenario.dump()
    for source, external_id in (("shop", "b"), ("shops", "a")):
        with pytest.raises(InputError, match="no such verbatim"):
            forget(scenario.session, source, external_id)
    assert scenario.dump() == before
