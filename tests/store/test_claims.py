"""Several processes share one store and never pay for one text twice."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.claiming import CompletedRequest
from pipeline.records import Analysis, Ask, Attempt, JsonError, NewTopic, Outcome, Review, Sentiment
from pipeline.store import Claims, Decision, Store, StoreTotals, count_run
from pipeline.store.tables import claims as claims_table

NEW_TOPIC = NewTopic("cadeaux", "Tout sur les cadeaux.", "cadeau")
GOOD = Attempt(
    Outcome.ANALYSED,
    "sandbox",
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    0.5,
    input_tokens=100,
    output_tokens=10,
    cost_usd=0.001,
    analysis=Analysis("Bien.", Sentiment.POSITIVE, ("delivery",), (NEW_TOPIC,)),
)
UNREADABLE = replace(GOOD, outcome=Outcome.UNREADABLE, analysis=None, json_error=JsonError.INVALID_JSON)
OVERLOADED = Attempt(Outcome.FAILED, "sandbox", GOOD.sent_at, 1.0, error="http_529")
REJECTED = replace(OVERLOADED, error="http_400")


def kept(store: Store, *texts: str) -> str:
    """A run that has read and kept these texts."""
    run_id = store.runs.start("sandbox", "test")
    records = [Review("shop", f"id-{number}", text, number) for number, text in enumerate(texts, start=1)]
    list(store.add(run_id, records))
    for page in store.uncleaned(run_id):
        store.decide(run_id, [Decision(v.row, v.source, None) for v in page])
    return run_id


def asks(claims: Claims) -> list[Ask]:
    return [Ask(identity, text, f"{hash(text) % 2**60:064x}", row) for row, identity, text in claims.pending(0, 100)]


def test_a_text_is_asked_by_one_and_answers_all_that_share_it(store: Store, store_url: str) -> None:
    run_id = kept(store, "merci", "merci", "bof")
    mine = Claims(store.database, run_id, "v1", FINAL_OUTCOMES)
    taken = mine.take(asks(mine))
    assert ([ask.text for ask in taken.asks], len(taken.waiting)) == (["merci", "bof"], 1)
    mine.commit([CompletedRequest(taken.asks[0], (GOOD,), None, False)])
    again = mine.take(taken.waiting)
    assert [settled.sentiment for settled in again.settled] == ["positive"]
    counts = count_run(store.database, run_id)
    assert (counts.analysed, counts.from_cache, counts.pending, counts.calls) == (1, 1, 1, 1)
    assert StoreTotals(store.database).new_topics() == 2


def test_claims_of_a_dead_process_are_free_at_once_and_those_of_a_silent_machine_after_the_lease(
    store: Store,
) -> None:
    run_id = kept(store, "merci beaucoup", "bof bof")
    claims = Claims(store.database, run_id, "v1", FINAL_OUTCOMES)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    first, second = asks(claims)
    _claim(store, first, os.uname().nodename, dead.pid, expires_in=60)
    _claim(store, second, "another-machine", 1, expires_in=60)
    assert claims.take([first, second]).asks == (first,)
    _claim(store, second, "another-machine", 1, expires_in=-1)
    assert claims.take([second]).asks == (second,)


def _claim(store: Store, ask: Ask, host: str, pid: int, expires_in: float) -> None:
    with store.database.write() as connection:
        connection.execute(sa.delete(claims_table).where(claims_table.c.request_key == ask.request_key))
        connection.execute(
            sa.insert(claims_table).values(
                request_key=ask.request_key,
                owner="x",
                host=host,
                pid=pid,
                expires_at=store.database.now(connection) + expires_in,
            )
        )


@pytest.mark.parametrize(
    ("attempts", "failed", "asked_again"),
    [
        ((UNREADABLE, UNREADABLE), {"unreadable": 1}, False),
        ((UNREADABLE, OVERLOADED), {}, True),
        ((REJECTED,), {}, True),
        ((OVERLOADED,), {}, True),
    ],
)
def test_only_failures_that_may_heal_are_asked_again(
    store: Store, attempts: tuple[Attempt, ...], failed: dict[str, int], asked_again: bool
) -> None:
    """Of an identical text, too."""
    run_id = kept(store, "merci beaucoup")
    claims = Claims(store.database, run_id, "v1", FINAL_OUTCOMES)
    ended = CompletedRequest(claims.take(asks(claims)).asks[0], attempts, None, final=not asked_again)
    assert claims.commit([ended]) == [None]
    assert count_run(store.database, run_id).failed == failed
    later = Claims(store.database, kept(store, "merci beaucoup"), "v1", FINAL_OUTCOMES)
    assert bool(later.take(asks(later)).asks) is asked_again


def test_an_outcome_that_stands_without_an_answer_is_a_failure_of_that_text_alone(store: Store) -> None:
    run_id = kept(store, "merci beaucoup", "un texte impossible")
    claims = Claims(store.database, run_id, "v1", FINAL_OUTCOMES)
    good, bad = claims.take(asks(claims)).asks
    claims.commit([CompletedRequest(good, (GOOD,), None, False), CompletedRequest(bad, (REJECTED,), None, True)])
    assert count_run(store.database, run_id).failed == {"failed": 1}


def test_an_outcome_is_told_once_even_when_two_processes_bring_it(store: Store) -> None:
    run_id = kept(store, "merci beaucoup")
    claims = Claims(store.database, run_id, "v1", FINAL_OUTCOMES)
    ended = CompletedRequest(claims.take(asks(claims)).asks[0], (GOOD,), None, False)
    assert [bool(told) for told in claims.commit([ended]) + claims.commit([ended])] == [True, False]


WORKER = """
import sys
from datetime import UTC, datetime
sys.path[:0] = [{tests!r}]
from store.test_claims import GOOD, asks
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.claiming import CompletedRequest
from pipeline.store import Claims, open_store
claims = Claims(open_store({url!r}).database, {run!r}, "v1", FINAL_OUTCOMES)
paid = 0
while True:
    taken = claims.take(asks(claims)[:7])
    claims.commit([CompletedRequest(ask, (GOOD,), None, False) for ask in taken.asks])
    paid += len(taken.asks)
    if not taken.asks and not claims.pending(0, 1):
        break
print(paid)
"""


def test_four_processes_pay_each_text_once(store: Store, store_url: str) -> None:
    run_id = kept(store, *(f"texte {number % 150}" for number in range(200)))
    code = WORKER.format(tests=os.path.dirname(os.path.dirname(__file__)), url=store_url, run=run_id)
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(4)
    ]
    paid = [int(process.communicate(timeout=120)[0]) for process in started]
    counts = count_run(store.database, run_id)
    assert (sum(paid), counts.calls, counts.analysed, counts.from_cache) == (150, 150, 150, 50)
