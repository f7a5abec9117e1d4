"""Message Batches against the sandbox's API: each is sent once, paid once, stored once, and deleted."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from batch_place import NOTHING, TEXTS, Place, analyse, check, ignore, left_over, paid
from store.test_claims import kept

from pipeline import batch_journey, journey, retention
from pipeline.analyse import batch_sending
from pipeline.analyse.price import Price, Tokens
from pipeline.errors import SettingsError, TooManyFailures, TransientError, VerbatimsError
from pipeline.session import price_of
from pipeline.settings import load_settings
from pipeline.store import Store
from pipeline.store.tables import attempts, batches


def test_a_run_in_a_batch_costs_half_and_leaves_nothing_behind(place: Place, store: Store) -> None:
    place.serve()
    run_id = kept(store, *TEXTS, TEXTS[0])
    with place.session() as session:
        assert analyse(session, run_id) == 0
    counts = store.runs.count(run_id)
    assert (counts.analysed, counts.from_cache, counts.calls) == (40, 1, 40)
    assert paid(store)[2] == pytest.approx(counts.cost_usd)
    with store.database.read() as connection:
        theirs = connection.execute(sa.select(attempts.c.batch, attempts.c.duration_s, attempts.c.cost_usd)).all()
        noted = connection.execute(sa.select(batches)).one()
    assert {one.batch for one in theirs} == {noted.batch} and noted.state == "closed"
    assert min(one.duration_s for one in theirs) >= 0.3
    assert store.totals.calls() == {"analysed": 40} and store.totals.durations() == {}
    with store.database.read() as connection:
        sums = sa.select(sa.func.sum(attempts.c.cached_tokens), sa.func.sum(attempts.c.input_tokens))
        cached, given = connection.execute(sums).one()
    assert any(
        f"40 results stored, {cached / given:.0%} of the input from the prompt cache" in said for said in place.said
    )
    assert cached > given / 2


@pytest.mark.long
def test_a_batch_is_collected_by_another_process(place: Place, store: Store) -> None:
    place.serve(delay_s=5.0)
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        record = session.analyser(run_id).record
        assert batch_journey.send_batches(session, run_id, record, ignore) == 40
        # while it is under way nobody else asks its texts
        assert batch_journey.send_batches(session, run_id, record, ignore) == 0
        assert journey.analyse(session, run_id) == 40
    oldest = store.totals.oldest_batch_at()
    assert store.totals.open_batches() == 1 and oldest is not None and 0 < time.time() - oldest < 60
    with place.session() as session:
        assert batch_journey.collect_batches(session, ignore, wait=False) == 1
        assert batch_journey.collect_batches(session, ignore) == 0
    check(place, store, run_id)
    assert (store.totals.open_batches(), store.totals.oldest_batch_at()) == (0, None)


FAULTS = (
    "batch_errored=0.1,batch_invalid=0.05,batch_expired=0.1,batch_canceled=0.05,batch_late=1,"
    "batch_broken_results=1,unreadable=0.1,empty=0.05,truncated=0.05,refused=0.05"
)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_results_of_every_kind(place: Place, store: Store, seed: int) -> None:
    """Expired, cancelled and errored ones are sent again; what is unreadable is asked once more."""
    place.serve(FAULTS, seed=seed)
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        for _ in range(5):
            # what is left is what has failed before: the first five of it may fail again, which stops a process
            with suppress(TooManyFailures):
                if not analyse(session, run_id):
                    break
    check(place, store, run_id)
    assert max(Counter(line["text_sha256"] for line in place.billed()).values()) <= 2


def test_a_creation_of_which_no_word_came_is_found_and_not_repeated(place: Place, store: Store) -> None:
    place.serve("batch_lost_reply=1")
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        assert analyse(session, run_id) == 0
    check(place, store, run_id)
    assert len(place.billed()) == 40


@pytest.mark.long
def test_a_creation_that_fails_is_tried_again(place: Place, store: Store) -> None:
    place.serve("batch_refused=0.5", seed=3)
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        assert analyse(session, run_id) == 0
    check(place, store, run_id)


def test_batches_are_split_and_others_wait_for_none_of_them(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.analyse.batch_body import BatchBody

    monkeypatch.setattr(batch_sending, "BatchBody", lambda: BatchBody(most_requests=15, most_bytes=10_000_000))
    place.serve()
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        assert analyse(session, run_id) == 0
    check(place, store, run_id)
    assert sorted(Counter(line["batch_id"] for line in place.billed()).values()) == [10, 15, 15]


def test_a_cancelled_batch_keeps_what_is_answered(place: Place, store: Store) -> None:
    place.serve(delay_s=12.0)
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        batch_journey.send_batches(session, run_id, session.analyser(run_id).record, ignore)
        assert batch_journey.cancel_batches(session) == 1
        assert batch_journey.collect_batches(session, ignore) == 0
    counts = store.runs.count(run_id)
    assert counts.analysed == len(place.billed()) and counts.pending == 40 - counts.analysed > 0
    assert left_over(store) == NOTHING and place.remote() == []
    assert paid(store)[2] == pytest.approx(counts.cost_usd)


@pytest.mark.long
def test_a_text_that_is_forgotten_meanwhile_is_paid_and_its_answer_is_not_kept(place: Place, store: Store) -> None:
    place.serve(delay_s=6.0)
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        batch_journey.send_batches(session, run_id, session.analyser(run_id).record, ignore)
        retention.forget(session, "shop", "id-3")
        [warning] = [line for line in place.said if "erased words" in line]
        assert warning.startswith("warning: batch msgbatch_") and "collect` deletes it" in warning
        assert batch_journey.collect_batches(session, ignore) == 0
        assert session.store.batches_with_erased_words() == []
    assert store.runs.count(run_id).analysed == 39 and len(place.billed()) == 40
    assert paid(store)[0] == 40 and place.remote() == []
    with store.database.read() as connection:
        raw = connection.execute(sa.select(attempts.c.raw).where(attempts.c.raw.is_not(None))).scalars().all()
    assert len(raw) == 39 and not any("numéro 2 " in one for one in raw)


def test_a_batch_that_claude_does_not_know_is_given_up_on_request(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.serve(delay_s=30)
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        batch_journey.send_batches(session, run_id, session.analyser(run_id).record, ignore)
    reserved = paid(store)[2]
    place.forget_batches()
    with place.session() as session:
        # seconds after its creation the API may not know it yet
        with pytest.raises(TransientError, match=r"does not know batch msgbatch_\w+ yet"):
            batch_journey.cancel_batches(session)
        monkeypatch.setattr("pipeline.analyse.batch_collecting.UNKNOWN_FOR_S", 0.0)
        with pytest.raises(TransientError, match="verbatims cancel --batch msgbatch_"):
            batch_journey.collect_batches(session, ignore)
        [batch] = store.open_batches()
        with pytest.raises(SettingsError, match="msgbatch_other"):
            batch_journey.cancel_batches(session, claude_id="msgbatch_other")
        assert batch_journey.cancel_batches(session, claude_id=batch.claude_id) == 1
    assert left_over(store) == NOTHING and store.runs.count(run_id).pending == 40
    assert paid(store)[2] == reserved > 0


def test_one_404_gives_no_batch_up(place: Place, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.analyse.batch_api import ApiError, BatchApi

    async def unknown(self: Any, claude_id: str) -> None:
        raise ApiError("http_404")

    place.serve()
    run_id = kept(store, *TEXTS)
    monkeypatch.setattr("pipeline.analyse.batch_collecting.UNKNOWN_FOR_S", 0.0)
    with place.session() as session:
        batch_journey.send_batches(session, run_id, session.analyser(run_id).record, ignore)
        with monkeypatch.context() as patch, pytest.raises(TransientError, match="cannot be cancelled"):
            patch.setattr(BatchApi, "cancel", unknown)
            batch_journey.cancel_batches(session)
        assert batch_journey.collect_batches(session, ignore) == 0
    check(place, store, run_id)


def test_an_api_that_does_not_answer_is_said_once_and_ends_a_look(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.analyse.batch_api import ApiError, BatchApi

    place.serve()
    run_id = kept(store, *TEXTS)
    real, failing = BatchApi.retrieve, [True] * 7

    async def away(self: Any, claude_id: str) -> Any:
        if failing and failing.pop():
            raise ApiError("connection", "connection refused")
        return await real(self, claude_id)

    async def at_once(self: Any, seconds: float) -> None:
        """Nobody waits."""

    monkeypatch.setattr(BatchApi, "retrieve", away)
    with place.session() as session:
        batch_journey.send_batches(session, run_id, session.analyser(run_id).record, ignore)
        with monkeypatch.context() as patch, pytest.raises(TransientError, match="stands: connection refused"):
            patch.setattr(batch_sending.Desk, "wait", at_once)
            batch_journey.collect_batches(session, ignore, wait=False)
        assert len(failing) == 3
        assert batch_journey.collect_batches(session, ignore) == 0
    assert sum("does not answer (connection refused)" in said for said in place.said) == 1, place.said
    check(place, store, run_id)


def test_collecting_says_that_all_requests_have_failed(place: Place, store: Store) -> None:
    place.serve("batch_errored=1")
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        batch_journey.send_batches(session, run_id, session.analyser(run_id).record, ignore)
        with pytest.raises(VerbatimsError, match="failed"):
            batch_journey.collect_batches(session, ignore)
    assert any("40 results stored, 40 of them errors, most http_" in said for said in place.said), place.said
    assert (left_over(store), store.runs.count(run_id).pending) == (NOTHING, 40)


def test_results_are_priced_by_the_model_that_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPER_MODE", "prod")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("VERBATIMS_MODEL", "claude-opus-4-8")
    monkeypatch.setenv("VERBATIMS_INPUT_USD_PER_MTOK", "1000")
    monkeypatch.setenv("VERBATIMS_OUTPUT_USD_PER_MTOK", "1000")
    settings, tokens = load_settings(), Tokens(1000, 0, 0, 100)
    asked = price_of(settings, batch=True, model="claude-haiku-5-5")
    assert asked.usd(tokens) == Price("claude-haiku-5-5", None, None, batch=True).usd(tokens)
    assert price_of(settings, batch=True, model="claude-opus-4-8").usd(tokens) == pytest.approx(0.55)
