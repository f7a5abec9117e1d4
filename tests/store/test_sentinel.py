"""The sentinel's texts are asked again without the stored answers, and nothing of a verbatim is counted by it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from analysers import ANALYSER

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyser_series import series_of
from pipeline.claiming import CompletedRequest
from pipeline.records import Ask, Attempt, Sentiment
from pipeline.store import ACCEPTANCE, WEEKLY, Claims, Store, open_store
from pipeline.store.model_tables import sentinel, sentinel_answers
from pipeline.store.tables import analyses, answers, attempts, claims, runs, spending, texts

from .test_claims import GOOD, OVERLOADED, UNREADABLE, Silence, asks, silence
from .test_deliveries import answered, read

__all__ = ["silence"]

SERIES = series_of(ANALYSER.fingerprint, ANALYSER.definition)
SHOP = ("shop", "positive")
FOUR = {"a": "merci", "b": "merci beaucoup", "c": "parfait", "d": "rapide"}
ANALYSIS = GOOD.analysis
assert ANALYSIS is not None
NEGATIVE = replace(GOOD, analysis=replace(ANALYSIS, sentiment=Sentiment.NEGATIVE))


@pytest.fixture
def drawn(store: Store) -> Store:
    """Four analysed texts, three of which are the sentinel's."""
    answered(store, FOUR)
    assert store.sentinel.strata(SERIES) == {SHOP: 4}
    assert store.sentinel.draw(SERIES, {SHOP: 3}, seed=1) == 3
    return store


def started(store: Store, purpose: str = WEEKLY) -> str:
    """A new run, once those before have ended."""
    for before in store.sentinel.runs(purpose):
        store.runs.finish(before.run_id)
    run_id = store.runs.start("sandbox", "the sentinel")
    store.sentinel.start(run_id, ANALYSER, purpose)
    return run_id


def claimed(store: Store, run_id: str) -> Claims:
    return store.claims(run_id, ANALYSER, FINAL_OUTCOMES)


def ask(theirs: Claims, attempt: Attempt = GOOD, *, final: bool = False) -> None:
    """One round of all that is pending."""
    taken = theirs.take(asks(theirs))
    theirs.commit(ended(taken.asks, attempt, final=final))


def ended(asked: Sequence[Ask], attempt: Attempt = GOOD, *, final: bool = False) -> list[CompletedRequest]:
    return [CompletedRequest(one, (attempt,), None, final) for one in asked]


def column(store: Store, query: sa.Select[Any]) -> list[Any]:
    with store.database.read() as connection:
        return list(connection.execute(query).scalars())


def chosen(store: Store) -> list[int]:
    return column(store, sa.select(sentinel.c.text_id).order_by(sentinel.c.text_id))


def counted(store: Store) -> tuple[object, ...]:
    names = ("analysed", "lengths", "topics", "new_topics", "languages", "skipped", "pending", "dead_letters")
    kept = tuple(column(store, sa.select(sa.func.count()).select_from(one)) for one in (answers, analyses))
    return (*(getattr(store.totals, name)() for name in names), *kept)


def test_texts_are_asked_past_their_answers_and_only_attempts_are_counted(drawn: Store) -> None:
    before, paid = counted(drawn), drawn.totals.calls()
    run_id = started(drawn)
    theirs = claimed(drawn, run_id)
    taken = theirs.take(asks(theirs))
    assert len(taken.asks) == 3 and not taken.settled
    assert column(drawn, sa.select(claims.c.purpose)) == [WEEKLY] * 3
    assert theirs.commit(ended(taken.asks)) == [None] * 3
    assert (counted(drawn), column(drawn, sa.select(claims.c.text_id))) == (before, [])
    assert column(drawn, sa.select(runs.c.purpose).where(runs.c.run_id == run_id)) == [WEEKLY]
    mine = sa.select(attempts.c.purpose).where(attempts.c.run_id == run_id)
    assert column(drawn, mine) == [WEEKLY] * 3 and drawn.totals.calls() != paid
    assert column(drawn, sa.select(sa.func.sum(spending.c.usd))) == [pytest.approx(7 * GOOD.cost_usd)]
    counts = drawn.runs.count(run_id)
    assert (counts.analysed, counts.pending, counts.calls) == (3, 0, 3)


def test_rows_and_their_cost_stay(drawn: Store) -> None:
    def due() -> list[Any]:
        return [row for page in drawn.deliveries.due(drawn.deliveries.start_load({})) for row in page.rows]

    before = due()
    ask(claimed(drawn, started(drawn)))
    assert len(before) == 4 and due() == before


def test_another_sentiment_than_the_accepted_one_is_a_flip(drawn: Store) -> None:
    theirs = claimed(drawn, run_id := started(drawn))
    first, *others = theirs.take(asks(theirs)).asks
    theirs.commit([*ended([first], NEGATIVE), *ended(others)])
    last = drawn.sentinel.last(SERIES)
    assert last is not None and (last.run_id, last.asked, last.flips) == (run_id, 3, 1)


def test_the_pairs_of_an_acceptance_add_up_and_are_no_weekly_question(drawn: Store) -> None:
    for attempt in (GOOD, NEGATIVE, GOOD):
        ask(claimed(drawn, started(drawn, ACCEPTANCE)), attempt)
    there = drawn.sentinel.set()
    assert there is not None and (there.texts, there.pairs.asked, there.pairs.flips) == (3, 9, 3)
    assert drawn.sentinel.last(SERIES) is None


def test_a_new_set_has_no_pairs_of_the_old_one(drawn: Store) -> None:
    ask(claimed(drawn, started(drawn, ACCEPTANCE)))
    ask(claimed(drawn, started(drawn)))
    drawn.sentinel.draw(SERIES, {SHOP: 2}, seed=2)
    there = drawn.sentinel.set()
    assert there is not None and (there.texts, there.pairs.asked) == (2, 0)
    assert drawn.sentinel.last(SERIES) is None and drawn.sentinel.runs(ACCEPTANCE) == []


def test_identical_texts_are_each_asked_one_after_the_other(store: Store) -> None:
    answered(store, {"a": "merci", "b": "merci"})
    store.sentinel.draw(SERIES, {SHOP: 2}, seed=1)
    theirs = claimed(store, run_id := started(store))
    taken = theirs.take(asks(theirs))
    assert (len(taken.asks), len(taken.waiting)) == (1, 1)
    theirs.commit(ended(taken.asks))
    again = theirs.take(taken.waiting)
    assert (len(again.asks), again.settled) == (1, ())
    theirs.commit(ended(again.asks))
    assert store.runs.count(run_id).calls == 2 and store.texts.count_pending(run_id) == 0


def test_a_failure_that_may_heal_is_asked_again_and_a_final_one_is_no_pair(drawn: Store) -> None:
    theirs = claimed(drawn, run_id := started(drawn))
    ask(theirs, OVERLOADED)
    assert drawn.texts.count_pending(run_id) == 3
    ask(theirs, UNREADABLE, final=True)
    assert drawn.texts.count_pending(run_id) == 0 and drawn.runs.count(run_id).failed == {"unreadable": 3}
    assert drawn.runs.count(run_id).analysed == 0


def test_an_answer_that_two_processes_bring_is_compared_once_and_paid_twice(
    drawn: Store, store_url: str, silence: Silence
) -> None:
    """The first was taken for dead while its calls were in flight."""
    run_id = started(drawn)
    slow = claimed(drawn, run_id)
    asked = slow.take(asks(slow)).asks
    with closing(open_store(store_url)) as other:
        quick = claimed(other, run_id)
        silence(quick, asked)
        quick.commit(ended(quick.take(asked).asks))
    assert slow.commit(ended(asked, NEGATIVE)) == [None] * 3
    last = drawn.sentinel.last(SERIES)
    assert last is not None and (last.asked, last.flips) == (3, 0)
    assert drawn.runs.count(run_id).calls == 6


def test_a_late_good_answer_replaces_a_failure(drawn: Store, store_url: str, silence: Silence) -> None:
    run_id = started(drawn)
    slow = claimed(drawn, run_id)
    asked = slow.take(asks(slow)).asks
    with closing(open_store(store_url)) as other:
        quick = claimed(other, run_id)
        silence(quick, asked)
        quick.commit(ended(quick.take(asked).asks, UNREADABLE, final=True))
    slow.commit(ended(asked))
    assert drawn.runs.count(run_id).analysed == 3


def test_a_text_of_the_sentinel_can_be_held_by_a_batch(drawn: Store) -> None:
    run_id = started(drawn)
    before = counted(drawn)
    batches = drawn.batches(run_id, ANALYSER, FINAL_OUTCOMES)
    batch = batches.start(None)
    waiting = [
        Ask(one.verbatim_id, one.text, f"{hash(one.text) % 2**60:064x}", one.source, one.text_id)
        for one in batches.pending(0, 10)
    ]
    taken = batches.take(batch, waiting)
    assert len(taken.asks) == 3 and claimed(drawn, run_id).take(waiting).asks == ()
    batches.note_sending(batch, 3)
    batches.note_sent(batch, "msgbatch_1")
    assert set(batches.held(batch, [one.text_id for one in waiting])) == set(chosen(drawn))
    batches.commit(batch, ended(taken.asks, NEGATIVE), datetime.now(UTC))
    batches.close(batch)
    last = drawn.sentinel.last(SERIES)
    assert last is not None and (last.asked, last.flips) == (3, 3) and counted(drawn) == before
    assert column(drawn, sa.select(attempts.c.batch).where(attempts.c.purpose == WEEKLY)) == [batch] * 3


def test_a_text_that_is_erased_leaves_to_another_one_of_its_stratum(drawn: Store) -> None:
    first, *others = chosen(drawn)
    [free] = set(column(drawn, sa.select(texts.c.text_id))) - {first, *others}
    drawn.erasure.erase([first])
    assert chosen(drawn) == sorted([*others, free])
    drawn.erasure.erase([free])
    assert chosen(drawn) == others, "nothing is left that could take its place"


def test_no_text_of_another_stratum_takes_the_place(store: Store) -> None:
    answered(store, {"a": "merci"})
    answered(store, {"b": "merci beaucoup"}, source="forum")
    store.sentinel.draw(SERIES, {SHOP: 1}, seed=1)
    store.erasure.erase(chosen(store))
    assert chosen(store) == []


def test_texts_that_are_erased_together_replace_none_of_each_other(drawn: Store) -> None:
    drawn.erasure.erase(column(drawn, sa.select(texts.c.text_id)))
    assert chosen(drawn) == [] and drawn.sentinel.set() is None


def test_what_is_erased_while_it_is_asked_is_paid_and_not_compared(drawn: Store) -> None:
    theirs = claimed(drawn, run_id := started(drawn))
    gone, *others = theirs.take(asks(theirs)).asks
    drawn.erasure.erase([gone.text_id])
    theirs.commit(ended([gone, *others], replace(GOOD, raw="merci !")))
    assert drawn.runs.count(run_id).calls == 3
    assert set(column(drawn, sa.select(sentinel_answers.c.text_id))) == {one.text_id for one in others}
    raw = sa.select(attempts.c.raw).where(attempts.c.text_id == gone.text_id, attempts.c.raw.is_not(None))
    assert column(drawn, raw) == []


def test_a_text_that_its_author_edits_is_not_asked_any_more(drawn: Store) -> None:
    run_id = started(drawn)
    edited = chosen(drawn)[0]
    [name] = column(drawn, sa.select(texts.c.external_id).where(texts.c.text_id == edited))
    read(drawn, {name: "non, finalement"})
    assert edited not in {one.text_id for one in asks(claimed(drawn, run_id))}
    assert drawn.texts.count_pending(run_id) == 2
    ask(claimed(drawn, next_one := started(drawn)))
    assert drawn.runs.count(next_one).calls == 2


def test_a_question_that_was_interrupted_goes_on_in_another_process(drawn: Store, store_url: str) -> None:
    theirs = claimed(drawn, run_id := started(drawn))
    first, *_ = theirs.take(asks(theirs)).asks
    theirs.commit(ended([first]))
    theirs.release()
    with closing(open_store(store_url)) as later:
        assert [(one.run_id, one.has_ended) for one in later.sentinel.runs(WEEKLY)] == [(run_id, False)]
        ask(claimed(later, run_id))
        later.runs.finish(run_id)
        assert [(one.run_id, one.has_ended) for one in later.sentinel.runs(WEEKLY)] == [(run_id, True)]
        last = later.sentinel.last(SERIES)
        assert last is not None and last.asked == 3 and later.runs.count(run_id).calls == 3


def test_of_two_processes_that_begin_at_once_the_second_joins_the_first(drawn: Store) -> None:
    first, second = (drawn.runs.start("sandbox", "the sentinel") for _ in range(2))
    assert [drawn.sentinel.start(one, ANALYSER, ACCEPTANCE, 1) for one in (first, second)] == [first, first]
    assert drawn.sentinel.draw(SERIES, {SHOP: 2}, seed=2, rounds=1) == 3, "the set is being accepted"
    drawn.runs.finish(first)
    assert drawn.sentinel.start(late := drawn.runs.start("sandbox", "the sentinel"), ANALYSER, ACCEPTANCE, 1) is None
    assert not any(map(drawn.runs.is_known, (second, late)))
    assert drawn.sentinel.draw(SERIES, {SHOP: 2}, seed=2, rounds=1) == 2


def test_the_calls_of_the_sentinel_are_no_second_tries_to_an_estimate(drawn: Store) -> None:
    for purpose in (ACCEPTANCE, ACCEPTANCE, ACCEPTANCE, WEEKLY):
        ask(claimed(drawn, started(drawn, purpose)))
    past = drawn.past_calls(ANALYSER.fingerprint)
    assert past is None, "four calls are too few, and the others are the sentinel's"
