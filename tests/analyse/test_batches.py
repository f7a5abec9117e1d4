"""Message Batches against the sandbox's API: each is sent once, paid once, stored once, and deleted."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from store.test_claims import kept

from pipeline import batch_journey, journey, retention
from pipeline.analyse import batch_sending
from pipeline.errors import BudgetUsedUp, ClaimsLost, SettingsError, TooManyFailures, TransientError
from pipeline.progress import Warnings
from pipeline.sandbox import Sandbox
from pipeline.session import Session, analyser_of, open_session
from pipeline.store import Store
from pipeline.store.tables import attempts, batches, claims, holders, spending

TEXTS = [f"La livraison numéro {number} était rapide et le colis intact." for number in range(40)]


class Crash(BaseException):
    """The process ends here: nothing after it runs."""


class Place:
    """A store with a run, a sandbox with a bill, and sessions that come and go as processes do."""

    def __init__(self, folder: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.said = folder, list[str]()
        self._monkeypatch = monkeypatch
        self._sandbox: Sandbox | None = None
        self.bill = folder / "billed.jsonl"
        monkeypatch.chdir(folder)
        for name, value in {"STORE": store_url, "WAREHOUSE": f"sqlite:///{folder}/rows.db"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(batch_sending, "SETTLES_S", 0.5)
        monkeypatch.setattr(batch_sending, "LOOK_S", 0.1)
        monkeypatch.setattr(batch_journey, "LONGEST_LOOK_S", 0.2)
        monkeypatch.setattr(batch_journey, "FIRST_LOOK_S", 0.1)

    def serve(self, faults: str = "", delay_s: float = 0.3, seed: int = 7) -> None:
        self._sandbox = Sandbox(
            latency_s=0,
            faults=faults,
            seed=seed,
            billed=self.bill,
            batches=self.folder / "batches.db",
            batch_delay_s=delay_s,
        ).start()
        self._monkeypatch.setenv("ANTHROPIC_BASE_URL", self._sandbox.url)

    def forget_batches(self) -> None:
        """The API knows none of its batches any more."""
        self.stop()
        (self.folder / "batches.db").unlink()
        self.serve()

    def stop(self) -> None:
        if self._sandbox:
            self._sandbox.stop()

    def session(self, **options: Any) -> Any:
        return open_session(lambda _: Warnings(self.said.append), asks=True, **options)

    def billed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.bill.read_text().splitlines()] if self.bill.exists() else []

    def remote(self) -> list[Any]:
        """The batches at Claude's side."""
        import anthropic

        assert self._sandbox is not None
        with anthropic.Anthropic(api_key="k", base_url=self._sandbox.url) as client:
            return list(client.messages.batches.list())


@pytest.fixture
def place(tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    made = Place(tmp_path, store_url, monkeypatch)
    yield made
    made.stop()


def analyse(session: Session, run_id: str) -> int:
    return journey.analyse(session, run_id, batch=True)


def left_over(store: Store) -> dict[str, int]:
    """Rows that a run in batches leaves behind where nothing is under way."""
    with store.database.read() as connection:
        count = sa.select(sa.func.count())
        return {
            "claims": connection.execute(count.select_from(claims)).scalar_one(),
            "holders": connection.execute(count.select_from(holders)).scalar_one(),
            "open": len(store.open_batches()),
        }


NOTHING = {"claims": 0, "holders": 0, "open": 0}


def paid(store: Store) -> tuple[int, int, float]:
    """Answers that cost something, their tokens, and what the budget counts."""
    with store.database.read() as connection:
        tokens = sa.func.sum(attempts.c.input_tokens + attempts.c.output_tokens)
        paid_for = attempts.c.output_tokens > 0
        number, total = connection.execute(sa.select(sa.func.count(), tokens).where(paid_for)).one()
        usd = connection.execute(sa.select(sa.func.sum(spending.c.usd))).scalar_one()
    return int(number), int(total or 0), float(usd or 0.0)


def check(place: Place, store: Store, run_id: str, texts: int = len(TEXTS)) -> None:
    """Each text has one outcome, each answer was paid and stored once, and nothing is left at Claude's side."""
    counts = store.runs.count(run_id)
    assert (counts.analysed + sum(counts.failed.values()), counts.pending) == (texts, 0)
    bill = place.billed()
    number, tokens, _ = paid(store)
    assert tokens == sum(line["input_tokens"] + line["output_tokens"] for line in bill)
    assert number == len(bill) == len({(line["batch_id"], line["custom_id"]) for line in bill})
    assert left_over(store) == NOTHING and place.remote() == []


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


def ignore(done: int, usd: float) -> None:
    """Nobody watches."""


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


STEPS: dict[str, tuple[str, str, bool]] = {
    "before the batch is made": ("BatchApi", "create", False),
    "behind its creation, before its id is stored": ("BatchApi", "create", True),
    "before results are stored": ("Batches", "commit", False),
    "in the middle of storing": ("Batches", "commit", True),
    "before it is noted as collected": ("Batches", "note_collected", False),
    "before it is deleted": ("BatchApi", "delete", False),
    "behind its deletion": ("BatchApi", "delete", True),
    "before it is closed": ("Batches", "close", False),
}


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_loses_and_doubles_nothing(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    from pipeline.analyse import batch_api
    from pipeline.store import batches as store_batches

    monkeypatch.setattr("pipeline.analyse.batch_collecting.PAGE", 15)
    place.serve()
    run_id = kept(store, *TEXTS)
    kind, name, behind = STEPS[step]
    owner: Any = batch_api.BatchApi if kind == "BatchApi" else store_batches.Batches
    with monkeypatch.context() as patch, pytest.raises(Crash), place.session() as session:
        patch.setattr(owner, name, crashing(getattr(owner, name), behind=behind))
        # a process that dies releases nothing
        patch.setattr(store_batches.Batches, "release", lambda self: None)
        analyse(session, run_id)
    forget_processes(store)
    with place.session() as session:
        batch_journey.collect_batches(session, ignore)
        assert analyse(session, run_id) == 0
    check(place, store, run_id)
    assert len(place.billed()) == 40, "each text is paid once"


def crashing(real: Callable[..., Any], *, behind: bool) -> Callable[..., Any]:
    """The process dies at the first call, before or behind what it does."""
    import inspect

    if inspect.iscoroutinefunction(real):

        async def waits(*arguments: Any) -> None:
            if behind:
                await real(*arguments)
            raise Crash

        return waits

    def blocks(*arguments: Any) -> None:
        if behind:
            real(*arguments)
        raise Crash

    return blocks


def forget_processes(store: Store) -> None:
    """What other processes find of one that is gone: its row says a process that does not run."""
    with store.database.write() as connection:
        connection.execute(sa.update(holders).where(holders.c.kind == "process").values(pid=2**22, started=1))


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


def test_a_process_whose_batch_was_given_back_meanwhile_sends_nothing(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stopped while it filled the batch, and another has taken it for dead."""
    from pipeline.store import batches as store_batches

    place.serve()
    run_id = kept(store, *TEXTS)
    real = store_batches.Batches.note_sending

    def stopped(self: Any, batch: str, requests: int) -> None:
        self.undo(batch)
        real(self, batch, requests)

    with monkeypatch.context() as patch, place.session() as session, pytest.raises(ClaimsLost):
        patch.setattr(store_batches.Batches, "note_sending", stopped)
        analyse(session, run_id)
    assert place.remote() == [] and store.runs.count(run_id).pending == 40


def test_a_batch_keeps_to_the_budget(place: Place, store: Store) -> None:
    place.serve()
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        worst_usd = worst_of(session)
    with place.session(run_budget_usd=worst_usd * 1.05) as session, pytest.raises(BudgetUsedUp, match="this run"):
        analyse(session, run_id)
    counts = store.runs.count(run_id)
    assert 0 < counts.analysed < 40 and counts.cost_usd <= worst_usd * 1.05
    assert left_over(store) == NOTHING


def worst_of(session: Session) -> float:
    """What one of the texts may cost in a batch, in USD."""
    price = batch_journey.price_of(session.settings, batch=True)
    return batch_journey.WorstCase(analyser_of(session.settings), price).usd(TEXTS[0])


def test_what_a_batch_did_not_cost_pays_for_the_next_one(place: Place, store: Store) -> None:
    """A tenth of what is reserved is spent: a budget for some of the texts is enough for all of them, a few at once."""
    place.serve()
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        worst_usd = worst_of(session)
    with place.session(run_budget_usd=worst_usd * 15) as session:
        assert analyse(session, run_id) == 0
    check(place, store, run_id)
    assert max(Counter(line["batch_id"] for line in place.billed()).values()) == 15


def test_a_step_says_that_the_budget_may_pay_for_more_later(place: Place, store: Store) -> None:
    place.serve()
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        worst_usd = worst_of(session)
    with place.session(run_budget_usd=worst_usd * 15) as session:
        under_way, more = journey.send_or_collect(session, run_id, sends=True)
        assert len(under_way) == 1 and more and store.texts.count_pending(run_id) == 40
    with place.session(run_budget_usd=worst_usd / 2) as session:
        assert batch_journey.collect_batches(session, ignore) == 0
        with pytest.raises(BudgetUsedUp):
            journey.send_or_collect(session, run_id, sends=True)


def test_a_batch_that_was_made_by_a_process_taken_for_dead_is_cancelled_and_counted(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stood still while it sent the batch: another has found no such batch, and has freed its texts."""
    from pipeline.analyse.batch_api import BatchApi

    place.serve(delay_s=30)
    run_id = kept(store, *TEXTS)
    real = BatchApi.create

    async def stopped(self: Any, body: Any) -> Any:
        with place.session() as other:
            [batch] = other.store.open_batches()
            other.store.batches(run_id, batch.analyser, ()).undo(batch.batch)
        return await real(self, body)

    with monkeypatch.context() as patch, place.session() as session, pytest.raises(ClaimsLost, match="cancelled"):
        patch.setattr(BatchApi, "create", stopped)
        worst_usd = worst_of(session)
        analyse(session, run_id)
    assert store.runs.count(run_id).pending == 40 and len(place.remote()) == 1
    assert paid(store)[2] == pytest.approx(40 * worst_usd, rel=0.01)
    with place.session() as session:
        assert batch_journey.collect_batches(session, ignore) == 0
    assert place.remote() == [] and place.billed() == [] and left_over(store) == NOTHING


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
