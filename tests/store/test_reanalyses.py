"""Texts are asked again by a run of a kind of its own: beside what stands, until it is accepted."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from analysers import ANALYSER, OTHER

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyse.topics import load_topics
from pipeline.claiming import CompletedRequest
from pipeline.records import Analysis, Attempt, Outcome, Sentiment
from pipeline.store import Claims, Store
from pipeline.store.tables import answers, attempts

from .test_claims import GOOD, UNREADABLE, asks
from .test_deliveries import TWO, Watched, answered, read

BETTER = replace(GOOD, analysis=Analysis("Mieux.", Sentiment.NEGATIVE, (), ()), cost_usd=0.5)


def again(store: Store) -> tuple[str, Claims]:
    """A re-analysis of everything, and this process's claims in it."""
    run_id = store.runs.start("sandbox", "all of the store")
    store.reanalyses.start(run_id, OTHER)
    return run_id, store.claims(run_id, OTHER, FINAL_OUTCOMES)


def ask(claims: Claims, attempt: Attempt = BETTER) -> None:
    """All that is pending, each with an answer of its own."""
    taken = claims.take(asks(claims, "other"))
    final = attempt.outcome is not Outcome.ANALYSED
    claims.commit([CompletedRequest(one, (attempt,), None, final) for one in taken.asks])
    claims.take(taken.waiting)


def totals(store: Store) -> dict[str, object]:
    """What counts verbatims; attempts are counted whoever makes them."""
    return {name: getattr(store.totals, name)() for name in ("analysed", "lengths", "new_topics", "skipped")}


def accept(store: Store, run_id: str) -> int:
    del run_id
    return sum(len(page) for page in store.reanalyses.accept(OTHER.fingerprint))


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "rows.db")


def test_a_second_analyser_asks_nothing_old(store: Store) -> None:
    run_id = answered(store, TWO)
    for later in (run_id, read(store, TWO)):
        assert store.claims(later, OTHER, FINAL_OUTCOMES).pending(0, 10) == []
        assert store.texts.count_pending(later) == 0


def test_new_analyses_stand_beside_the_old_until_they_are_accepted(store: Store, watched: Watched) -> None:
    first = answered(store, TWO)
    watched.load(store)
    counts, before, rows = store.runs.count(first), totals(store), watched.rows()
    run_id, claims = again(store)
    assert (len(claims.pending(0, 10)), store.texts.count_pending(run_id)) == (2, 2)
    ask(claims)
    found = store.runs.count(run_id)
    assert (found.scraped, found.analysed, found.pending, found.cost_usd) == (2, 2, 0, 1.0)
    watched.load(store)
    assert (watched.given, watched.rows()) == ([], rows)
    assert (totals(store), store.runs.count(first)) == (before, counts)

    assert accept(store, run_id) == 0 and accept(store, run_id) == 0
    assert (totals(store), store.runs.count(first)) == (before, counts)
    assert dict(watched.load(store).by_run) == {run_id: 2} and watched.given == ["a", "b"]
    assert store.runs.count_rows(run_id).made == 2 and store.runs.count_rows(first).made == 0
    assert store.runs.count_rows(first).read == 2, "its day can be published again"


def test_a_text_that_nobody_has_answered_is_left_to_its_run(store: Store) -> None:
    run_id = read(store, TWO)
    other, claims = again(store)
    assert claims.pending(0, 10) == [] and store.texts.count_pending(run_id) == 2
    assert store.runs.count(other).scraped == 0


def test_a_row_has_all_its_columns_from_the_current_analysis(store: Store, watched: Watched) -> None:
    answered(store, {"a": "merci"})
    run_id, claims = again(store)
    ask(claims)
    accept(store, run_id)
    [page] = store.deliveries.due(store.deliveries.start_load({}))
    [row] = page.rows
    assert (row.run_id, row.summary, row.sentiment, row.topics, row.cost_usd) == (run_id, "Mieux.", "negative", (), 0.5)
    assert (row.prompt_version, row.new_topics) == (OTHER.prompt_version, ())


def test_only_good_analyses_are_accepted_and_one_that_heals_a_failure_counts_then(store: Store) -> None:
    run_id = read(store, {"a": "merci"})
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    [one] = claims.take(asks(claims)).asks
    claims.commit([CompletedRequest(one, (UNREADABLE, UNREADABLE), None, True)])
    answered(store, {"b": "bof"})
    other, theirs = again(store)
    first, second = theirs.take(asks(theirs, "other")).asks
    failed, healed = (first, second) if first.text == "bof" else (second, first)
    theirs.commit(
        [CompletedRequest(failed, (UNREADABLE,), None, True), CompletedRequest(healed, (BETTER,), None, False)]
    )
    assert store.totals.analysed() == {("shop", "positive"): 1}
    assert accept(store, other) == 1
    assert store.totals.analysed() == {("shop", "positive"): 1, ("shop", "negative"): 1}
    assert store.runs.count(other).failed == {"unreadable": 1}
    [page] = store.deliveries.due(store.deliveries.start_load({}))
    assert {row.external_id: row.sentiment for row in page.rows} == {"a": "negative", "b": "positive"}


def test_an_answer_that_two_analysers_share_is_paid_once(store: Store) -> None:
    answered(store, {"a": "merci", "b": "merci"})
    run_id, claims = again(store)
    ask(claims)
    counts = store.runs.count(run_id)
    assert (counts.calls, counts.analysed, counts.from_cache) == (1, 1, 1)


def test_all_analyses_of_a_forgotten_text_lose_its_words_while_one_is_in_flight_too(store: Store) -> None:
    """Two analyses of one text, an answer that two texts share, and a third that comes back when the text is gone."""
    answered(store, {"a": "merci", "b": "merci", "c": "un canari"})
    _, claims = again(store)
    taken = claims.take(asks(claims, "other"))
    flying = next(one for one in taken.asks if one.text == "un canari")
    canary = replace(BETTER, analysis=Analysis("Un canari.", Sentiment.MIXED, (), ()), raw="canari")
    others = [one for one in taken.asks if one is not flying]
    claims.commit([CompletedRequest(one, (canary,), None, False) for one in others])
    claims.take(taken.waiting)
    identities = [store.erasure.identities.of("shop", name) for name in "abc"]
    store.erasure.forget(identities[2])
    assert claims.commit([CompletedRequest(flying, (canary,), None, False)]) == [None]
    store.erasure.forget(identities[0])
    with store.database.read() as connection:
        kept = connection.execute(answers.select()).all()
        raw = [one.raw for one in connection.execute(attempts.select()) if one.raw]
        assert sum("canari" in one.summary for one in kept) == 1, "the other text still needs the shared answer"
        assert len(raw) <= 1
    store.erasure.forget(identities[1])
    with store.database.read() as connection:
        everything = [*connection.execute(answers.select()), *connection.execute(attempts.select())]
    assert "canari" not in repr(everything) and flying.request_key not in repr(everything)
    assert sum(one.cost_usd for one in everything if hasattr(one, "cost_usd")) == pytest.approx(0.002 + 1.0)


def test_an_analyser_of_long_ago_can_be_asked_again(store: Store) -> None:
    asked = Analyser(define("sandbox", load_topics(None)), 1024)
    run_id = store.runs.start("sandbox", "all of the store")
    store.reanalyses.start(run_id, asked.record)
    found = store.runs.analyser(run_id)
    assert found is not None
    assert Analyser(found, 1024).request("merci") == asked.request("merci")
    assert store.runs.analyser(store.runs.start("sandbox", "test")) is None


def test_a_re_analysis_is_resumed_where_it_stopped(store: Store, store_url: str) -> None:
    from pipeline.store import open_store

    answered(store, TWO)
    run_id, claims = again(store)
    first, _ = claims.take(asks(claims, "other")).asks
    claims.commit([CompletedRequest(first, (BETTER,), None, False)])
    claims.release()
    with closing(open_store(store_url)) as later:
        theirs = later.claims(run_id, OTHER, FINAL_OUTCOMES)
        assert len(theirs.pending(0, 10)) == 1
        ask(theirs)
        assert later.runs.count(run_id).analysed == 2
