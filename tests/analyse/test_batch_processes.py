"""Processes that die, stand still or work beside each other: no batch is lost, doubled or paid twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from batch_place import NOTHING, TEXTS, Crash, Place, analyse, check, ignore, left_over, paid, worst_of
from store.test_claims import kept

from pipeline import batch_journey, journey
from pipeline.analyse import batch_sending
from pipeline.errors import ClaimsLost, Interrupted
from pipeline.store import Store
from pipeline.store.tables import holders

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


@pytest.mark.long
@pytest.mark.parametrize("command", ["collect", "analyse"])
def test_a_batch_of_a_process_that_is_gone_elsewhere_is_resolved_after_a_lease(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Nobody sees the end of a process in another container: it is gone once it has been silent for long enough."""
    from pipeline.analyse import batch_api

    place.serve()
    run_id = kept(store, *TEXTS)
    with monkeypatch.context() as patch, pytest.raises(Crash), place.session() as session:
        patch.setattr(batch_api.BatchApi, "create", crashing(batch_api.BatchApi.create, behind=False))
        patch.setattr("pipeline.store.batches.Batches.release", lambda self: None)
        analyse(session, run_id)
    with store.database.write() as connection:
        connection.execute(sa.update(holders).where(holders.c.kind == "process").values(pid_namespace="elsewhere"))
    monkeypatch.setattr("pipeline.store.holders.LEASE_S", 1.0)
    monkeypatch.setattr(batch_journey, "LEASE_S", 8.0)
    monkeypatch.setattr(batch_journey, "SHOWS_S", 0.2)
    with place.session() as session:
        if command == "collect":
            assert batch_journey.collect_batches(session, ignore) == 0
            assert (left_over(store), store.runs.count(run_id).pending) == (NOTHING, 40)
        assert analyse(session, run_id) == 0
    check(place, store, run_id)


def test_a_batch_that_another_process_has_found_is_not_undone(place: Place, store: Store) -> None:
    """Two look for one whose process is gone: the slower one has read that nobody knows whether it is sent."""
    place.serve()
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        record = session.analyser(run_id).record
        batch_journey.send_batches(session, run_id, record, ignore)
        [batch] = store.open_batches()
        store.batches(run_id, record, ()).undo(batch.batch)
        assert store.texts.count_in_batches(run_id) == 40
        assert batch_journey.collect_batches(session, ignore) == 0
    check(place, store, run_id)


@pytest.mark.long
def test_a_run_beside_a_batch_that_holds_its_texts_says_so(place: Place, store: Store) -> None:
    place.serve(delay_s=5)
    run_id = kept(store, *TEXTS)
    with place.session() as session:
        batch_journey.send_batches(session, run_id, session.analyser(run_id).record, ignore)
        assert journey.analyse(session, run_id) == 40
        assert any("hold 40 texts" in said and "collect`" in said for said in place.said), place.said
        counts = store.runs.count(run_id).settled(store.texts.count_in_batches(run_id))
        assert (counts.pending, counts.failed) == (40, {})
        assert batch_journey.collect_batches(session, ignore) == 0
    check(place, store, run_id)


def test_ctrl_c_beside_a_refused_creation_frees_its_texts(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.serve("batch_refused=1")
    run_id = kept(store, *TEXTS)
    waits = batch_sending.Desk.wait

    async def interrupted(self: Any, seconds: float) -> None:
        if seconds >= 2:  # the pause before the next offer; others belong to the search
            raise Interrupted("interrupted")
        await waits(self, seconds)

    monkeypatch.setattr(batch_sending.Desk, "wait", interrupted)
    with place.session() as session, pytest.raises(Interrupted):
        analyse(session, run_id)
    assert (left_over(store), store.runs.count(run_id).pending) == (NOTHING, 40)
