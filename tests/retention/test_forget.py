"""One verbatim goes at once, with who it is, and does not come back."""

import sqlite3
from contextlib import closing

import pytest
from analysers import ANALYSER

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.errors import InputError, TransientError
from pipeline.records import Review
from pipeline.retention import expire, forget

from .conftest import BEFORE, GOOD, NEW, OLD, OUTAGE, REFUSED, UNASKED, World, attempt, completed

ME = {"a": ("canari", GOOD)}


def test_its_row_stays_for_the_counts_and_says_nothing_of_the_person(world: World) -> None:
    world.night(NEW, ME)
    assert forget(world.session, "shop", "a") is True
    [row] = world.rows(words=True)
    assert (row["external_id"], row["url"], row["written_at"]) == (row["verbatim_id"], None, "2025-12-31")
    assert (row["text"], row["summary"], row["sentiment"], row["rating"]) == (None, None, "mixed", 4.0)


def test_scraped_again_it_does_not_come_back_even_with_another_text(world: World) -> None:
    world.night(NEW, ME)
    forget(world.session, "shop", "a")
    before = world.dump()["texts"], world.rows(words=True)
    counts = world.count(world.night(None, {"a": ("canari changé", GOOD), "b": ("moineau", REFUSED)}))
    assert (counts["scraped"], counts["skipped"], counts["failed"]) == (2, {"forgotten": 1}, {"refused": 1})
    after = world.dump()["texts"]
    assert ([v for v in after if v["text"] != "moineau"], world.rows(words=True)) == before
    assert world.store.texts.is_known(Review("shop", "a", "encore autre chose", 1))


def test_a_days_run_holds_nothing_of_it(world: World) -> None:
    world.night(NEW, ME)
    forget(world.session, "shop", "a")
    assert world.count(world.night(OLD, ME))["scraped"] == 0


def test_a_forgotten_one_is_no_failure_whatever_became_of_it(world: World) -> None:
    run_id = world.night(NEW, {"a": ("un", UNASKED), "b": ("deux", OUTAGE), "c": ("trois", GOOD)})
    for name in "ab":
        forget(world.session, "shop", name)
    counts = world.store.runs.count(run_id)
    assert (counts.analysed, counts.pending, counts.skipped, counts.failed) == (1, 0, {"withdrawn": 2}, {})
    assert world.store.runs.failures(run_id) == []


@pytest.mark.parametrize("fate", [GOOD, REFUSED, OUTAGE])
def test_an_answer_that_comes_back_afterwards_is_paid_and_not_kept(world: World, fate: str) -> None:
    run_id = world.night(NEW, {"a": ("canari", UNASKED), "b": ("canari", UNASKED)})
    claims = world.store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    taken = claims.take(world.asks(claims, {"canari": fate}))
    forget(world.session, "shop", "a")
    assert claims.commit([completed(taken.asks[0], attempt(fate, "canari"))]) == [None]
    dump = world.dump()
    assert [(call["raw"], call["cost_usd"]) for call in dump["attempts"]] == [(None, 0.001)]
    assert (dump["answers"], dump["analyses"]) == ([], [])
    assert taken.asks[0].request_key not in repr(dump["attempts"])
    # who waited for that answer, with the same text, asks for itself
    assert claims.take([*taken.asks, *taken.waiting]).asks == taken.waiting


def test_edited_texts_go_with_it(world: World) -> None:
    world.night(OLD, ME)
    world.night(NEW, {"a": ("canari changé", GOOD)})
    forget(world.session, "shop", "a")
    assert "canari" not in repr(world.dump()) + repr(world.rows(words=True))


def test_one_that_age_has_erased_can_still_be_forgotten(world: World) -> None:
    world.night(OLD, ME)
    expire(world.session, BEFORE)
    assert forget(world.session, "shop", "a") and "http" not in repr(world.dump()) + repr(world.rows(words=True))


def test_a_second_time_mends_what_the_first_left_in_the_warehouse(world: World) -> None:
    world.night(NEW, ME)
    with closing(sqlite3.connect(world.warehouse)) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON verbatims_analysed_v1 BEGIN SELECT RAISE(ABORT, 'read only'); END"
        )
        with pytest.raises(TransientError, match="refused"):
            forget(world.session, "shop", "a")
        connection.execute("DROP TRIGGER no")
    assert "canari" in repr(world.rows(words=True))
    assert forget(world.session, "shop", "a") is False
    assert "canari" not in repr(world.rows(words=True))


def test_an_unknown_one_leaves_no_tombstone(world: World) -> None:
    world.night(NEW, ME)
    before = world.dump()
    for source, external_id in (("shop", "b"), ("shops", "a")):
        with pytest.raises(InputError, match="no such verbatim"):
            forget(world.session, source, external_id)
    assert world.dump() == before
