"""Several processes share one store and never pay for one text twice."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from analysers import ANALYSER, OTHER

from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.claiming import LEASE_S, ClaimStore, CompletedRequest
from pipeline.errors import TransientError
from pipeline.records import Analysis, Ask, Attempt, JsonError, NewTopic, Outcome, Review, Sentiment
from pipeline.store import Decision, Store, open_store
from pipeline.store.holders import BATCH, LOOK_COUNTS_S, PROCESS, UNKNOWN, ProcessIdentity, started_at
from pipeline.store.tables import answers, holders
from pipeline.store.tables import claims as claims_table
from pipeline.store.taking import Taking

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


def kept(store: Store, *texts: str, name: str = "id") -> str:
    """A run that has read and kept these texts."""
    run_id = store.runs.start("sandbox", "test")
    records = [Review("shop", f"{name}-{number}", text, number) for number, text in enumerate(texts, start=1)]
    list(store.texts.add(run_id, records))
    for page in store.texts.uncleaned(run_id):
        store.texts.decide(run_id, [Decision(v.text_id, v.source, None) for v in page])
    return run_id


def asks(claims: ClaimStore, settings: str = "") -> list[Ask]:
    """What is pending, under keys that depend on the settings."""
    return [
        Ask(one.verbatim_id, one.text, f"{hash(one.text + settings) % 2**60:064x}", one.source, one.text_id)
        for one in claims.pending(0, 1000)
    ]


def good(*taken: Ask) -> list[CompletedRequest]:
    return [CompletedRequest(ask, (GOOD,), None, False) for ask in taken]


@pytest.fixture
def other(store_url: str) -> Iterator[Store]:
    """The same store, as another process sees it."""
    with closing(open_store(store_url)) as opened:
        yield opened


def test_a_text_is_asked_by_one_and_answers_all_that_share_it(store: Store) -> None:
    run_id = kept(store, "merci", "merci", "bof")
    mine = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    taken = mine.take(asks(mine))
    assert ([ask.text for ask in taken.asks], len(taken.waiting)) == (["merci", "bof"], 1)
    assert mine.unclaimed(taken.waiting) == []
    mine.commit(good(taken.asks[0]))
    assert mine.unclaimed(taken.waiting) == list(taken.waiting)
    again = mine.take(taken.waiting)
    assert [settled.sentiment for settled in again.settled] == ["positive"]
    counts = store.runs.count(run_id)
    assert (counts.analysed, counts.from_cache, counts.pending, counts.calls) == (1, 1, 1, 1)
    assert store.totals.new_topics() == 2


def test_one_text_is_not_asked_under_two_settings_at_once(store: Store, other: Store) -> None:
    run_id = kept(store, "merci beaucoup")
    mine = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    theirs = other.claims(run_id, OTHER, FINAL_OUTCOMES)
    [ask] = mine.take(asks(mine)).asks
    waiting = theirs.take(asks(theirs, "other")).waiting
    assert (len(waiting), theirs.unclaimed(waiting)) == (1, [])
    mine.commit(good(ask))
    assert theirs.unclaimed(waiting) == list(waiting)
    assert theirs.take(waiting).asks == () and store.runs.count(run_id).calls == 1


def test_waiting_writes_nothing(store: Store, other: Store) -> None:
    run_id = kept(store, "merci", "merci beaucoup")
    mine, theirs = (one.claims(run_id, ANALYSER, FINAL_OUTCOMES) for one in (store, other))
    waiting = asks(theirs)
    mine.take(waiting)
    written: list[str] = []
    sa.event.listen(other.database.engine, "before_cursor_execute", lambda *given: written.append(given[2]))
    theirs.unclaimed(waiting)
    assert written and all(statement.startswith(("SELECT", "BEGIN")) for statement in written), written


Silence = Callable[[ClaimStore, Sequence[Ask]], None]


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Silence:
    """Let somebody look at claims for longer than a lease, by his own clock."""
    clock = [0.0]
    monkeypatch.setattr("pipeline.store.holders.boot_clock", lambda: clock[0])

    def look(claims: ClaimStore, at: Sequence[Ask]) -> None:
        for _ in range(int(LEASE_S / LOOK_COUNTS_S) + 2):
            claims.unclaimed(at)
            clock[0] += LOOK_COUNTS_S

    return look


def test_a_process_that_proc_does_not_show_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of other users may be hidden, and this one may have no file left to open."""

    def hidden(*_: object, **__: object) -> str:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(Path, "read_text", hidden)
    assert started_at(os.getpid()) == UNKNOWN and started_at(2**22 + 1) is None
    assert not HERE.sees_end_of(HERE)


HERE = ProcessIdentity.own()


def held(store: Store, ask: Ask, *, kind: str = PROCESS, **differs: object) -> None:
    """A claim of another process of this machine, unless something differs."""
    with store.database.write() as connection:
        row = {"boot_id": HERE.boot_id, "pid_namespace": HERE.pid_namespace, "pid": HERE.pid, "started": HERE.started}
        holder = f"holder of {ask.text_id}"
        connection.execute(sa.delete(holders).where(holders.c.holder == holder))
        connection.execute(sa.insert(holders).values(holder=holder, kind=kind, heartbeat=0, **row | differs))
        connection.execute(
            sa.insert(claims_table).values(text_id=ask.text_id, request_key=ask.request_key, holder=holder)
        )


@pytest.mark.long
@pytest.mark.parametrize(
    ("holder", "silent", "free"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"pid": 2**22 + 1}, False, True),  # Linux counts processes up to 2²²
        ({"started": 1}, False, True),  # the number was used again
        ({"pid": 2**22 + 1, "pid_namespace": "another container"}, False, False),
        ({"pid": 2**22 + 1, "pid_namespace": "another container"}, True, True),
        ({"kind": BATCH, "pid": None}, True, False),
    ],
    ids=["alive", "silent", "gone", "number used again", "other container", "other container, silent", "batch"],
)
def test_claims_are_taken_over_from_the_dead_alone(
    store: Store, silence: Silence, holder: dict[str, object], silent: bool, free: bool
) -> None:
    claims = store.claims(kept(store, "merci beaucoup"), ANALYSER, FINAL_OUTCOMES)
    [ask] = asks(claims)
    held(store, ask, **holder)  # type: ignore[arg-type]
    if silent:
        silence(claims, [ask])
    assert claims.unclaimed([ask]) == ([ask] if free else [])
    assert bool(claims.take([ask]).asks) is free


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_no_claim_on_a_file_outlives_the_start_of_its_machine(store: Store) -> None:
    """The clock of a file's claims begins anew then."""
    claims = store.claims(kept(store, "merci beaucoup"), ANALYSER, FINAL_OUTCOMES)
    [ask] = asks(claims)
    held(store, ask, boot_id="the start before")
    assert claims.take([ask]).asks == (ask,)


def test_a_process_that_was_taken_for_dead_sends_nothing_more_and_stores_what_it_has_paid(
    store: Store, other: Store, silence: Silence
) -> None:
    run_id = kept(store, "merci beaucoup", "bof bof")
    slow, quick = (one.claims(run_id, ANALYSER, FINAL_OUTCOMES) for one in (store, other))
    first, second = slow.take(asks(slow)).asks
    silence(quick, [first, second])
    assert quick.take([first, second]).asks == (first, second)
    for send in (slow.renew, lambda: slow.take([second])):
        with pytest.raises(TransientError, match="taken over"):
            send()
    assert [bool(told) for told in slow.commit(good(first)) + quick.commit(good(first, second))] == [True, False, True]
    counts = store.runs.count(run_id)
    assert (counts.analysed, counts.calls, store.totals.lengths()["short"]) == (2, 3, 2)


def test_a_late_good_answer_replaces_a_failure_that_whoever_took_over_has_met(
    store: Store, other: Store, silence: Silence
) -> None:
    run_id = kept(store, "merci beaucoup")
    slow, quick = (one.claims(run_id, ANALYSER, FINAL_OUTCOMES) for one in (store, other))
    [ask] = slow.take(asks(slow)).asks
    silence(quick, [ask])
    quick.commit([CompletedRequest(one, (UNREADABLE,), None, True) for one in quick.take([ask]).asks])
    assert [bool(told) for told in slow.commit(good(ask))] == [True]
    counts = store.runs.count(run_id)
    assert (counts.analysed, counts.failed, counts.calls) == (1, {}, 2)


def test_an_answer_that_no_analysis_needs_is_not_kept(store: Store) -> None:
    """Erasure finds answers by their analyses. The same analyser with another limit asks under another key."""
    claims = store.claims(kept(store, "merci beaucoup"), ANALYSER, FINAL_OUTCOMES)
    [ask] = claims.take(asks(claims)).asks
    claims.commit(good(ask))
    claims.commit(good(replace(ask, request_key="another")))
    with store.database.read() as connection:
        assert connection.execute(sa.select(answers.c.request_key)).scalars().all() == [ask.request_key]


def test_a_first_claim_that_failed_can_be_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = store.claims(kept(store, "merci beaucoup"), ANALYSER, FINAL_OUTCOMES)
    waiting = asks(claims)

    def full(*_: object) -> None:
        raise TransientError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(TransientError, match="full"):
        patch.setattr(Taking, "_claim", full)
        claims.take(waiting)
    assert claims.take(waiting).asks == tuple(waiting)


def test_a_heartbeat_keeps_what_is_about_to_be_taken_over(store: Store, other: Store, silence: Silence) -> None:
    run_id = kept(store, "merci beaucoup")
    slow, quick = (one.claims(run_id, ANALYSER, FINAL_OUTCOMES) for one in (store, other))
    [ask] = slow.take(asks(slow)).asks
    silence(quick, [ask])
    slow.renew()
    assert quick.take([ask]).waiting == (ask,)


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
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    ended = CompletedRequest(claims.take(asks(claims)).asks[0], attempts, None, final=not asked_again)
    assert claims.commit([ended]) == [None]
    assert store.runs.count(run_id).failed == failed
    later = store.claims(kept(store, "merci beaucoup"), ANALYSER, FINAL_OUTCOMES)
    assert bool(later.take(asks(later)).asks) is asked_again


def test_an_outcome_that_stands_without_an_answer_is_a_failure_of_that_text_alone(store: Store) -> None:
    run_id = kept(store, "merci beaucoup", "un texte impossible")
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    fine, bad = claims.take(asks(claims)).asks
    claims.commit([*good(fine), CompletedRequest(bad, (REJECTED,), None, True)])
    assert store.runs.count(run_id).failed == {"failed": 1}


def test_an_outcome_is_told_once_even_when_two_processes_bring_it(store: Store) -> None:
    run_id = kept(store, "merci beaucoup")
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
    ended = good(claims.take(asks(claims)).asks[0])
    assert [bool(told) for told in claims.commit(ended) + claims.commit(ended)] == [True, False]


WORKER = """
import sys
sys.path[:0] = [{tests!r}]
from analysers import ANALYSER, OTHER
from store.test_claims import asks, good
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.store import open_store
url, settings, page, *runs = sys.argv[1:]
store, paid = open_store(url), 0
for run_id in runs:
    claims = store.claims(run_id, OTHER if settings else ANALYSER, FINAL_OUTCOMES)
    while waiting := asks(claims, settings):
        taken = claims.take(claims.unclaimed(waiting)[: int(page)][:: -1 if settings else 1])
        claims.commit(good(*taken.asks))
        paid += len(taken.asks)
print(paid)
"""


def at_work(url: str, runs: list[str], *workers: tuple[str, int]) -> list[int]:
    """Workers at once, each with its settings and the size of its pages; returns how many texts each has paid for."""
    code = WORKER.format(tests=str(Path(__file__).parents[1]))
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, url, settings, str(page), *runs],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for settings, page in workers
    ]
    return [int(process.communicate(timeout=120)[0]) for process in started]


@pytest.mark.long
def test_four_processes_pay_each_text_once(store: Store, store_url: str) -> None:
    run_id = kept(store, *(f"texte {number % 150}" for number in range(200)))
    paid = at_work(store_url, [run_id], *[("", 7)] * 4)
    counts = store.runs.count(run_id)
    assert (sum(paid), counts.calls, counts.analysed, counts.from_cache) == (150, 150, 150, 50)


@pytest.mark.long
def test_two_processes_with_other_settings_pay_each_text_once_in_fifty_tries(store: Store, store_url: str) -> None:
    """They take the texts in opposite orders, so that locks taken in the order of the texts would deadlock."""
    runs = [
        kept(store, *(f"texte {attempt} {number}" for number in range(20)), name=f"try-{attempt}")
        for attempt in range(50)
    ]
    paid = at_work(store_url, runs, ("", 7), ("other", 11))
    counts = [store.runs.count(run_id) for run_id in runs]
    assert sum(paid) == 1000 and {(one.calls, one.analysed, one.pending) for one in counts} == {(20, 20, 0)}
