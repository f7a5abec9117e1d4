"""Processes that die, stand still or work beside each other: no batch is lost, doubled or paid twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from batch_place import NOTHING, TEXTS, Crash, Place, analyse, check, ignore, left_over, paid, worst_of
from store.test_claims import kept

from pipeline import batch_journey
from pipeline.errors import ClaimsLost
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
