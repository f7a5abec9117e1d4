"""The analyse stage in Message Batches: half the price, within a day. It builds what `analyse/batches.py` needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from pipeline.analyse.analyser import Analyser
from pipeline.analyse.batch_api import ApiError, BatchApi
from pipeline.analyse.batch_collecting import Collector, is_young
from pipeline.analyse.batch_sending import Desk, Sender
from pipeline.analyse.batches import FIRST_LOOK_S, LONGEST_LOOK_S, MOST_ROUNDS, BatchRun
from pipeline.analyse.bound import WorstCase
from pipeline.analyse.judge import Judge
from pipeline.analyse.policy import FINAL_OUTCOMES, fatal
from pipeline.analyse.store_thread import StoreThread
from pipeline.batching import BatchState, OpenBatch
from pipeline.claiming import LEASE_S
from pipeline.errors import BudgetUsedUp, SettingsError, TransientError
from pipeline.program import next_command
from pipeline.progress import Advance
from pipeline.records import AnalyserRecord
from pipeline.session import Session, price_of
from pipeline.signals import Drain

SHOWS_S = 1.0
"""Pauses between two looks at a process that may be gone: of longer ones, only two seconds count as silence."""

LEAVING = "stopping: batches under way go on at Claude's side"


def analyse_in_batches(session: Session, run_id: str, analyser: AnalyserRecord, advance: Advance) -> None:
    """Send what is pending, wait, collect, and send once more what has no outcome; returns when nothing is under way.

    Raises Interrupted where it was asked to leave: `collect` goes on, in any process.
    """
    asyncio.run(_analyse(session, run_id, analyser, advance))


def send_batches(session: Session, run_id: str, analyser: AnalyserRecord, advance: Advance) -> int:
    """Send what is pending; returns the number of requests. Raises BudgetUsedUp once what it can pay is sent."""

    async def send() -> int:
        await _resolve_all(session, advance)
        async with _opened(session, run_id, analyser, advance) as (run, _):
            return await run.send()

    return asyncio.run(send())


def under_way(session: Session) -> list[str]:
    """The ids at Claude's side of all batches whose results are not stored, of whatever run."""
    return [one.claude_id for one in session.store.open_batches() if one.claude_id is not None]


def collect_batches(session: Session, advance: Advance, run_id: str | None = None, *, wait: bool = True) -> int:
    """Store what batches have come to, of one run or of all; returns how many are still under way.

    `wait`: until none is. Raises what the results say against asking more, once they are stored.
    """

    async def collect() -> int:
        await _resolve_all(session, advance, run_id, patient=True)
        for owner, analyser in _owners(session.store.open_batches(run_id)):
            async with _opened(session, owner, analyser, advance) as (run, desk):
                await (_collect_all(run, desk) if wait else run.collect(patient=False))
                await run.check()
        return len(session.store.open_batches(run_id))

    return asyncio.run(collect())


def cancel_batches(session: Session, run_id: str | None = None, claude_id: str | None = None) -> int:
    """Tell Claude's API to answer nothing more of these batches; returns how many that were. `collect` comes behind it.

    One that the API does not know is given up: its texts are free, and what it may have cost stays counted.
    Raises SettingsError where no batch of this id is under way.
    """

    async def cancel() -> int:
        await _resolve_all(session, lambda done, usd: None, run_id, patient=True)
        found = [one for one in session.store.open_batches(run_id) if one.state is BatchState.SENT]
        if claude_id is not None and not (found := [one for one in found if one.claude_id == claude_id]):
            raise SettingsError(
                f"no batch {claude_id} is under way: `{next_command('collect --no-wait')}` names those that are"
            )
        kept: TransientError | None = None
        async with session.connect_for_batches() as client:
            for batch in found:
                try:
                    await _cancel(session, BatchApi(client), batch)
                except TransientError as error:  # the others are cancelled all the same
                    kept = error
        if kept is not None:
            raise kept
        return len(found)

    return asyncio.run(cancel())


async def _cancel(session: Session, api: BatchApi, batch: OpenBatch) -> None:
    assert batch.claude_id is not None
    try:
        await api.cancel(batch.claude_id)
        session.progress.say(f"batch {batch.claude_id}: cancelled; what was answered is kept")
    except ApiError as error:
        if error.error == "http_400":  # it has ended
            return
        if error.error != "http_404" and (reason := fatal(error.error, batch.analyser.model)):
            raise reason from None
        if error.error != "http_404" or await _is_known(api, batch.claude_id):
            raise TransientError(f"batch {batch.claude_id} cannot be cancelled: {error.cause or error.error}") from None
        if is_young(batch):
            raise TransientError(
                f"Claude's API does not know batch {batch.claude_id} yet, which was sent minutes ago: try again later"
            ) from None
        session.store.batches(batch.run_id, batch.analyser, FINAL_OUTCOMES).give_up(batch.batch)
        session.progress.say(
            f"batch {batch.claude_id} is not known to Claude's API: given up; what it may have cost stays counted"
        )


async def _is_known(api: BatchApi, claude_id: str) -> bool:
    """Whether the API says that it has the batch, or does not say."""
    try:
        await api.retrieve(claude_id)
    except ApiError as error:
        return error.error != "http_404"
    return True


async def _analyse(session: Session, run_id: str, analyser: AnalyserRecord, advance: Advance) -> None:
    await _resolve_all(session, advance)
    async with _opened(session, run_id, analyser, advance) as (run, desk):
        rounds = 0
        while rounds < MOST_ROUNDS:
            shortage: BudgetUsedUp | None = None
            try:
                await run.send()
                rounds += 1
            except BudgetUsedUp as error:
                shortage = error
            if not await _collect_all(run, desk):
                if shortage is not None:
                    raise shortage
                return
            # most of what was reserved is free again, so that more can be sent


async def _collect_all(run: BatchRun, desk: Desk) -> bool:
    """Wait until nothing is under way, and store it; returns whether there was anything."""
    pause, said = FIRST_LOOK_S, False
    if not run.any_open():
        return False
    while await run.collect():
        if not said:
            desk.say(f"waiting for Claude; you may leave: `{next_command('collect')}` goes on")
            said = True
        await desk.wait(min(pause, SHOWS_S) if run.any_unsent() else pause)
        pause = min(pause * 1.5, LONGEST_LOOK_S)
    return True


async def _resolve_all(session: Session, advance: Advance, run_id: str | None = None, *, patient: bool = False) -> None:
    """Find out what became of batches whose process is gone, of whatever run: nothing is sent meanwhile.

    `patient`: that a process of another machine or container is gone shows only after a lease of silence.
    """
    ends, said = time.monotonic() + LEASE_S * 1.25, False
    while unsent := [one for one in session.store.open_batches(run_id) if one.claude_id is None]:
        gone = [one for one in unsent if one.abandoned]
        for owner, analyser in _owners(gone):
            async with _opened(session, owner, analyser, advance) as (run, _):
                await run.resolve()
        if not patient or len(gone) == len(unsent) or time.monotonic() > ends:
            return
        if not said:
            session.progress.say("another process is sending a batch, or is gone, which shows within a minute or so")
        said = True
        await asyncio.sleep(SHOWS_S)


def _owners(found: Sequence[OpenBatch]) -> list[tuple[str, AnalyserRecord]]:
    """Runs and analysers of these batches."""
    owners = {(one.run_id, one.analyser.fingerprint): one.analyser for one in found}
    return [(run_id, analyser) for (run_id, _), analyser in sorted(owners.items(), key=lambda item: item[0])]


@asynccontextmanager
async def _opened(
    session: Session, run_id: str, analyser: AnalyserRecord, advance: Advance
) -> AsyncIterator[tuple[BatchRun, Desk]]:
    """What works on the batches of one run and analyser."""
    settings, say = session.settings, session.progress.say
    answering, price = Analyser(analyser, settings.max_tokens), price_of(settings, batch=True, model=analyser.model)
    store = session.store.batches(run_id, analyser, FINAL_OUTCOMES, session.budget)
    thread, leaving = StoreThread(settings.store_patience_s, say), asyncio.Event()

    async def pause(seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(leaving.wait(), seconds)
        return leaving.is_set()

    def open_batches() -> list[OpenBatch]:
        return [one for one in session.store.open_batches(run_id) if one.analyser.fingerprint == analyser.fingerprint]

    async with session.connect_for_batches() as client:
        worst = WorstCase(answering, price)
        desk = Desk(store, thread, BatchApi(client), answering, worst, session.observer, advance, say, pause)
        try:
            with Drain(leaving.set, say, LEAVING).listening():
                yield BatchRun(Sender(desk), Collector(desk, Judge(answering, price)), open_batches), desk
        finally:
            await thread.run(store.release)
            thread.close()
