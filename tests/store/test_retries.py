"""Failed texts are asked again on request, where they may do better, and are counted once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from analysers import ANALYSER

from pipeline.analyse.policy import FINAL_OUTCOMES, is_worth_retrying
from pipeline.claiming import CompletedRequest
from pipeline.records import Attempt, Outcome
from pipeline.store import Claims, Reopened, Store

from .test_claims import GOOD, REJECTED, UNREADABLE, asks, good, kept
from .test_deliveries import TWO, Watched, answered
from .test_reanalyses import BETTER, accept, again, totals

REFUSED = replace(UNREADABLE, outcome=Outcome.REFUSED, json_error=None)


def key(settings: str = "") -> Callable[[str], str]:
    """The same keys as those of `asks`."""
    return lambda text: f"{hash(text + settings) % 2**60:064x}"


def failing(store: Store, run_id: str, *attempts: Attempt) -> Claims:
    """This process's claims, after all that was pending has failed for good: identical texts without a call."""
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    taken = claims.take(asks(claims))
    claims.commit([CompletedRequest(ask, attempts, None, True) for ask in taken.asks])
    claims.take(taken.waiting)
    assert store.texts.count_pending(run_id) == 0
    return claims


def reopen(store: Store, run_id: str, settings: str = "") -> tuple[int, int, int]:
    found: Reopened = store.retries.reopen(run_id, key(settings), is_worth_retrying)
    assert found.again == store.texts.count_pending(run_id)
    return found.again, found.stay, found.held


@pytest.mark.parametrize(
    ("last", "settings", "found"),
    [
        (UNREADABLE, "", (1, 0, 0)),
        (REJECTED, "", (1, 0, 0)),
        (REFUSED, "", (0, 1, 0)),
        (REFUSED, "another model", (1, 0, 0)),
    ],
)
def test_a_failure_is_reopened_where_it_may_do_better(
    store: Store, last: Attempt, settings: str, found: tuple[int, int, int]
) -> None:
    run_id = kept(store, "merci")
    claims = failing(store, run_id, last)
    assert reopen(store, run_id, settings) == found
    assert len(claims.take(asks(claims, settings)).asks) == found[0]


def test_what_failed_under_these_settings_is_not_asked_again_after_a_failure_under_others(store: Store) -> None:
    run_id = kept(store, "merci")
    claims = failing(store, run_id, REFUSED)
    reopen(store, run_id, "another model")
    claims.commit(
        [CompletedRequest(ask, (UNREADABLE,), None, True) for ask in claims.take(asks(claims, "another model")).asks]
    )
    assert reopen(store, run_id) == (0, 1, 0)
    assert reopen(store, run_id, "another model") == (1, 0, 0)


def test_a_verbatim_analysed_on_retry_counts_once_and_its_row_comes_with_the_next_load(
    store: Store, tmp_path: Path
) -> None:
    answered(store, TWO)
    run_id = kept(store, "une livraison rapide")
    claims = failing(store, run_id, UNREADABLE, UNREADABLE)
    warehouse = Watched(tmp_path / "rows.db")
    warehouse.load(store)
    before = store.runs.count(run_id)
    assert (before.failed, before.calls) == ({"unreadable": 1}, 2)
    later = kept(store, "une livraison rapide")
    assert reopen(store, later) == (1, 0, 0)
    claims = store.claims(later, ANALYSER, FINAL_OUTCOMES)
    claims.commit(good(*claims.take(asks(claims)).asks))
    first, second = store.runs.count(run_id), store.runs.count(later)
    assert (first.failed, first.from_cache, first.pending, first.calls) == ({}, 1, 0, 2)
    assert (second.failed, second.analysed, second.calls) == ({}, 1, 1)
    assert sum(store.totals.analysed().values()) == 3 and store.runs.failures(run_id) == []
    warehouse.load(store)
    assert warehouse.given == ["id-1"]
    assert reopen(store, later) == (0, 0, 0)


@pytest.mark.parametrize("ends", [(GOOD,), (UNREADABLE, UNREADABLE)], ids=["well", "badly"])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["one run", "two runs"])
def test_identical_texts_that_failed_are_asked_once_and_both_are_settled(
    store: Store, elsewhere: bool, ends: tuple[Attempt, ...]
) -> None:
    """In two runs the failure of the text that was sent would close the other one unasked."""
    sent = kept(store, *["merci"] * (1 if elsewhere else 2))
    failing(store, sent, UNREADABLE, UNREADABLE)
    run_id = kept(store, "merci", name="copy") if elsewhere else sent
    claims = failing(store, run_id, UNREADABLE) if elsewhere else store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    assert store.runs.count(run_id).calls == (0 if elsewhere else 2), "one of the two was asked"
    assert reopen(store, run_id) == ((1, 0, 0) if elsewhere else (2, 0, 0))
    calls = store.runs.count(run_id).calls
    taken = claims.take(asks(claims))
    [ask] = taken.asks
    claims.commit([CompletedRequest(ask, ends, None, ends[-1] is not GOOD)])
    claims.take(taken.waiting)
    others = store.claims(sent, ANALYSER, FINAL_OUTCOMES)
    assert others.take(asks(others)).asks == ()
    for one in (sent, run_id):
        found = store.runs.count(one)
        settled = found.analysed + found.from_cache if ends[-1] is GOOD else found.failed["unreadable"]
        assert settled == found.scraped and found.pending == 0
    assert store.runs.count(run_id).calls == calls + len(ends)


def test_what_somebody_asks_just_now_is_left_to_him(store: Store) -> None:
    run_id = kept(store, "merci")
    failing(store, run_id, UNREADABLE)
    _, theirs = again(store)
    theirs.take(asks(theirs, "other"))
    assert reopen(store, run_id) == (0, 0, 1)
    theirs.release(asks(theirs, "other"))
    assert reopen(store, run_id) == (1, 0, 0)


def test_a_re_analysis_asks_again_what_it_has_failed_on_and_touches_nothing_else(store: Store) -> None:
    first = answered(store, TWO)
    run_id, claims = again(store)
    counts, before = store.runs.count(first), totals(store)
    claims.commit([CompletedRequest(ask, (UNREADABLE,), None, True) for ask in claims.take(asks(claims, "other")).asks])
    assert store.runs.count(run_id).failed == {"unreadable": 2}
    assert reopen(store, first) == (0, 0, 0)
    assert reopen(store, run_id, "other") == (2, 0, 0)
    claims.commit([CompletedRequest(ask, (BETTER,), None, False) for ask in claims.take(asks(claims, "other")).asks])
    assert (store.runs.count(run_id).analysed, store.runs.count(first), totals(store)) == (2, counts, before)
    assert accept(store, run_id) == 0
