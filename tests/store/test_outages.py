"""A store that does not answer, that refuses a value, or that takes this process for dead: no paid answer is lost."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from analysers import ANALYSER

from pipeline.analyse import dispatch
from pipeline.analyse.dispatch import Dispatcher
from pipeline.analyse.live import analyse
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyse.tries import Try
from pipeline.errors import ClaimsLost, StoreUnavailable
from pipeline.records import Analysis, Attempt, Outcome, Sentiment
from pipeline.store import Claims, Store, open_store
from pipeline.store.tables import attempts, holders

from .test_claims import GOOD, UNREADABLE, kept
from .test_statements import Silent

pytestmark = pytest.mark.long

IN_FLIGHT = 4  # each takes one of the threads that asyncio has on a small machine


class Scripted:
    """Answers each text as the script says, after `pause` was called with the text."""

    def __init__(self, answer: Attempt = GOOD, pause: Callable[[str], None] = lambda _: None) -> None:
        self.asked: list[str] = []
        self._answer = answer
        self._pause = pause

    def worst_usd(self, text: str, room: int = 1) -> float:
        return 0.0

    async def send(self, text: str, room: int = 1) -> Try:
        self.asked.append(text)
        await asyncio.to_thread(self._pause, text)
        answer = replace(self._answer, sent_at=self._answer.sent_at.replace(microsecond=len(self.asked)))
        return Try(answer, time.perf_counter())


def run(claims: Claims, asker: Scripted, said: list[str], patience_s: float = 60) -> None:
    silent: Any = Silent()

    async def work() -> None:
        async with Dispatcher(
            claims, str, lambda *_: 0.0, silent, lambda *_: None, said.append, page=IN_FLIGHT, patience_s=patience_s
        ) as queue:
            await analyse(queue, asker, silent, IN_FLIGHT)

    asyncio.run(work())


class Outage:
    """Takes the store away and brings it back."""

    def __init__(self, take_away: Callable[[], None], bring_back: Callable[[], None], url: str) -> None:
        self.take_away, self.bring_back, self.url = take_away, bring_back, url


@contextmanager
def file_that_is_held(path: Path) -> Iterator[Outage]:
    """Another program that writes, and does not end."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    yield Outage(
        lambda: other.execute("BEGIN IMMEDIATE") and None, lambda: other.execute("COMMIT") and None, f"sqlite:///{path}"
    )
    other.close()


@pytest.fixture(params=["sqlite", "postgres"])
def outage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    if request.param == "sqlite":
        monkeypatch.setattr("pipeline.store.database.BUSY_TIMEOUT_S", 0.1)
        with file_that_is_held(tmp_path / "store.db") as held:
            yield held
        return
    server = request.getfixturevalue("server")
    import psycopg

    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS outage WITH (FORCE)")
        connection.execute("CREATE DATABASE outage")
    yield Outage(server.stop, server.start, f"{server.url}/outage")


def all_in_flight(then: Callable[[], None]) -> Callable[[str], None]:
    """Wait until all of the first are in flight, and let one of them do something."""
    barrier = threading.Barrier(IN_FLIGHT, action=then)
    first = iter(range(IN_FLIGHT))

    def pause(_: str) -> None:
        if next(first, None) is not None:
            barrier.wait(30)

    return pause


def test_answers_in_flight_outlast_an_outage_and_the_run_goes_on(outage: Outage) -> None:
    store = open_store(outage.url)
    run_id = kept(store, *(f"texte {number}" for number in range(3 * IN_FLIGHT)))
    said: list[str] = []

    def go_away() -> None:
        outage.take_away()
        threading.Timer(2.5, outage.bring_back).start()

    asker = Scripted(pause=all_in_flight(go_away))
    run(store.claims(run_id, ANALYSER, FINAL_OUTCOMES), asker, said)
    counts = store.runs.count(run_id)
    assert (counts.analysed, counts.calls, len(asker.asked)) == (12, 12, 12)
    assert len(said) == 2 and "nothing new is asked" in said[0] and said[1] == "the store answers again"
    store.close()


def test_answers_that_are_lost_in_the_end_are_counted_with_their_cost(outage: Outage) -> None:
    store = open_store(outage.url)
    run_id = kept(store, *(f"texte {number}" for number in range(3 * IN_FLIGHT)))
    asker = Scripted(pause=all_in_flight(outage.take_away))
    try:
        with pytest.raises(
            StoreUnavailable, match=r"; [4-6] answers that cost \$0\.00[4-6]0 are lost, and the next run pays"
        ):
            run(store.claims(run_id, ANALYSER, FINAL_OUTCOMES), asker, [], patience_s=0.5)
    finally:
        outage.bring_back()
    assert IN_FLIGHT <= len(asker.asked) <= IN_FLIGHT * 3 // 2, "nothing new is asked once half as many wait"
    store.close()


def test_a_loss_is_told_whatever_else_has_stopped_the_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = kept(store, "merci beaucoup")
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)

    def taken_over(*_: object) -> None:
        raise ClaimsLost("another has taken over")

    monkeypatch.setattr(claims, "commit", taken_over)
    with pytest.raises(ClaimsLost, match=r"another has taken over; 1 answer that cost \$0\.0010 is lost"):
        run(claims, Scripted(), [])


def test_a_commit_of_which_no_word_came_counts_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks behind COMMIT, for a claim and for an answer."""
    run_id = kept(store, "merci beaucoup", "bof bof", "merci beaucoup")
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    broken = {"take", "commit"}
    transaction = claims._transaction

    @contextmanager
    def breaking(name: str) -> Iterator[sa.Connection]:
        with transaction(name) as connection:
            yield connection
        if name in broken:
            broken.remove(name)
            claims._unsure.add(name)
            raise StoreUnavailable("the connection is gone")

    monkeypatch.setattr(claims, "_transaction", breaking)
    monkeypatch.setattr("pipeline.analyse.store_thread.AGAIN_S", 0.01)
    told: list[Any] = []
    monkeypatch.setattr(Silent, "emit", lambda _, event: told.append(event))
    run(claims, Scripted(), [])
    counts = store.runs.count(run_id)
    assert (counts.analysed, counts.from_cache, counts.calls, counts.pending) == (2, 1, 2, 0)
    assert sum(type(event).__name__ == "VerbatimAnalysed" for event in told) == 3
    assert not broken


@pytest.mark.parametrize(
    ("summary", "store_url"),
    [("\ud800", "sqlite"), ("\ud800", "postgres"), ("un\0deux", "postgres")],
    indirect=["store_url"],
)
def test_an_answer_that_the_store_rejects_is_paid_once_and_has_its_outcome(store: Store, summary: str) -> None:
    run_id = kept(store, "merci beaucoup", "bof bof")
    odd = Analysis(summary, Sentiment.POSITIVE, (), ())

    class Odd(Scripted):
        async def send(self, text: str, room: int = 1) -> Try:
            ended = await super().send(text, room)
            answer = replace(ended.attempt, analysis=odd, raw=summary)
            return replace(ended, attempt=answer) if text == "merci beaucoup" else ended

    asker = Odd()
    run(store.claims(run_id, ANALYSER, FINAL_OUTCOMES), asker, [])
    counts = store.runs.count(run_id)
    assert (counts.analysed, counts.failed, counts.pending, counts.calls) == (1, {"unstorable": 1}, 0, 2)
    assert counts.cost_usd == pytest.approx(0.002)
    run(store.claims(run_id, ANALYSER, FINAL_OUTCOMES), asker, [])
    assert len(asker.asked) == 2, "it is not paid again"
    [failure] = store.runs.failures(run_id)
    assert failure.outcome == Outcome.UNSTORABLE.value


def test_a_process_that_was_stopped_asks_no_second_question_for_texts_of_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first answer was unreadable and is stored; the text belongs to another by then."""
    run_id = kept(store, "merci beaucoup")

    def stopped(_: str) -> None:
        with store.database.write() as connection:
            connection.execute(sa.delete(holders))
        now = time.monotonic() + 1000
        monkeypatch.setattr(dispatch, "boot_clock", lambda: now)

    asker = Scripted(UNREADABLE, pause=stopped)
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    with pytest.raises(ClaimsLost, match="taken over"):
        run(claims, asker, [])
    with store.database.read() as connection:
        stored = connection.execute(sa.select(attempts.c.outcome)).scalars().all()
    assert asker.asked == ["merci beaucoup"] and stored == ["unreadable"]
    assert store.runs.count(run_id).pending == 1
    again = Scripted()
    monkeypatch.setattr(dispatch, "boot_clock", time.monotonic)
    run(store.claims(run_id, ANALYSER, FINAL_OUTCOMES), again, [])
    assert again.asked == ["merci beaucoup"], "one question is not final"
