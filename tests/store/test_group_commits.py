"""Answers on their way into the store: none is left behind when the run ends, and whoever fails to be told stops it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from analysers import ANALYSER

from pipeline.analyse.dispatch import Dispatcher
from pipeline.analyse.live import analyse
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyse.tries import Try
from pipeline.store import Claims, Store

from .test_claims import GOOD, kept
from .test_statements import Silent

IN_FLIGHT = 4


class Prompt:
    """Answers each text at once."""

    def __init__(self) -> None:
        self.asked = 0

    def worst_usd(self, text: str, room: int = 1) -> float:
        return 0.0

    async def send(self, text: str, room: int = 1) -> Try:
        self.asked += 1
        answer = replace(GOOD, sent_at=GOOD.sent_at.replace(microsecond=self.asked))
        return Try(answer, time.perf_counter())


async def work(
    claims: Claims, then: Callable[[], None] = lambda: None, progress: Callable[[int, float], None] = lambda *_: None
) -> None:
    """Analyse all, and call `then` before anything is closed."""
    silent: Any = Silent()
    async with Dispatcher(
        claims, str, lambda *_: 0.0, silent, progress, lambda _: None, page=IN_FLIGHT, patience_s=5
    ) as queue:
        await analyse(queue, Prompt(), silent, IN_FLIGHT)
        then()


def test_all_answers_are_stored_while_signals_are_still_handled(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind `analyse` a signal is no longer waited out: what was on its way then would be lost."""
    run_id = kept(store, *(f"texte {number}" for number in range(10)))
    claims, stored = store.claims(run_id, ANALYSER, FINAL_OUTCOMES), []
    commit = claims.commit

    def slow(ended: Any) -> Any:
        time.sleep(0.1)
        return commit(ended)

    monkeypatch.setattr(claims, "commit", slow)
    asyncio.run(work(claims, then=lambda: stored.append(store.runs.count(run_id).analysed)))
    assert stored == [10]


@pytest.mark.parametrize("at", range(1, 6))
def test_whoever_fails_to_be_told_of_a_commit_stops_the_run(store: Store, at: int) -> None:
    run_id, told = kept(store, *(f"texte {number}" for number in range(40))), 0

    def progress(done: int, _: float) -> None:
        nonlocal told
        told += done
        if told == at:
            raise ZeroDivisionError("a broken bar")

    with pytest.raises(ZeroDivisionError):
        asyncio.run(asyncio.wait_for(work(store.claims(run_id, ANALYSER, FINAL_OUTCOMES), progress=progress), 20))
    assert 0 < store.runs.count(run_id).analysed < 40
