"""Fills batches and sends them, so that none is ever sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.analyse.analyser import Analyser
from pipeline.analyse.batch_api import ApiError, BatchApi, RemoteBatch
from pipeline.analyse.batch_body import BatchBody, custom_id, encode, text_id_of
from pipeline.analyse.bound import WorstCase
from pipeline.analyse.pacing import Pause
from pipeline.analyse.policy import fatal, first_room
from pipeline.analyse.store_thread import StoreThread
from pipeline.batching import BatchState, BatchStore, OpenBatch
from pipeline.claiming import LEASE_S, ClaimResult, Unanswered
from pipeline.errors import BudgetUsedUp, ClaimsLost, Interrupted, TooManyFailures, TransientError, VerbatimsError
from pipeline.observer import Observer
from pipeline.records import Ask

PAGE = 500
"""Texts claimed at once."""

LOOK_S = 5.0
"""How often the list of batches is looked at for one that may exist."""

SETTLES_S = 60.0
"""A batch that was made shows in the list within this time."""

CLOCKS_DIFFER = timedelta(minutes=10)
"""By how much this machine's clock and Claude's may differ."""

MOST_CREATIONS = 5
"""How often one batch is offered to an API that refuses it for a while."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What everything around the batches of one run needs."""

    store: BatchStore
    thread: StoreThread
    api: BatchApi
    analyser: Analyser
    worst: WorstCase
    observer: Observer
    advance: Callable[[int, float], None]
    say: Callable[[str], None]
    pause: Pause

    async def wait(self, seconds: float) -> None:
        """Raises Interrupted where the process is to end."""
        if await self.pause(seconds):
            raise Interrupted("interrupted: batches under way go on at Claude's side, and nothing is asked twice")


class Sender:
    """Sends what is pending in one run."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._after = 0
        self._worst_usd = 0.0
        """What the batch that is being filled may cost."""

    async def send_all(self) -> int:
        """Send everything that is pending, in as many batches as it takes; returns the number of requests.

        Raises BudgetUsedUp once what it can pay is sent, and what `policy` says of errors.
        """
        sent, self._after = 0, 0
        async with self._alive():
            while True:
                requests, shortage = await self._send_one()
                sent += requests
                if shortage:
                    raise BudgetUsedUp(f"{shortage}; what is sent or answered is kept")
                if not requests:
                    return sent

    async def anything_pending(self) -> bool:
        """Whether a text waits for an answer, or is held by a batch."""
        return bool(await self._desk.thread.run(self._desk.store.pending, 0, 1))

    async def resolve(self, batch: OpenBatch) -> None:
        """Find out what became of a batch whose process is gone before it had noted that it is sent."""
        desk = self._desk
        if batch.state is BatchState.SENDING:
            desk.say(f"batch {batch.batch} may have been made by a process that is gone: looking for it")
            claude_id = await self._find(batch.batch, batch.requests, batch.made_at)
            if claude_id is not None:
                await self._note_sent(batch.batch, claude_id, worst_usd=0.0)
                return
        await desk.thread.run(desk.store.undo, batch.batch)

    async def _send_one(self) -> tuple[int, str | None]:
        """The number of requests in one more batch, and why it has no more, if that is the budget."""
        desk, self._worst_usd = self._desk, 0.0
        with BatchBody() as body:
            trace = desk.observer.batch()
            batch = await desk.thread.run(desk.store.start, trace)
            shortage = await self._fill(batch, body)
            if not body.requests:
                await desk.thread.run(desk.store.undo, batch)
                return 0, shortage
            body.end()
            claude_id = await self._create(batch, body)
            await self._note_sent(batch, claude_id, self._worst_usd)
        sent = "1 request" if body.requests == 1 else f"{body.requests} requests"
        desk.say(f"batch {claude_id}: {sent} sent; Claude answers within 24 h, often within one")
        return body.requests, shortage

    async def _fill(self, batch: str, body: BatchBody) -> str | None:
        """Claim texts until the batch is full or none is left; returns why the budget allows no more, if so."""
        desk = self._desk
        while page := await desk.thread.run(desk.store.pending, self._after, PAGE):
            requests = self._fitting(batch, page, body)
            if not requests:
                return None
            self._after = max(ask.text_id for ask in requests)
            taken = await desk.thread.run(desk.store.take, batch, list(requests))
            self._tell(taken)
            for ask in taken.asks:
                body.add(requests[ask])
                self._worst_usd += ask.worst_usd
            if taken.unaffordable:
                return taken.shortage or "the budget has no room until calls in flight have ended"
            if len(requests) < len(page):
                return None
        return None

    def _fitting(self, batch: str, page: Sequence[Unanswered], body: BatchBody) -> dict[Ask, bytes]:
        """The first texts of a page that the body has room for, each with its request."""
        found: dict[Ask, bytes] = {}
        size = 0
        for one in page:
            room = first_room(wordless=one.wordless)
            request = encode(custom_id(batch, one.text_id), self._desk.analyser.request(one.text, room))
            size += len(request) + 1
            if not body.has_room(len(found) + 1, size):
                break
            key, worst = self._desk.analyser.key(one.text), self._desk.worst.usd(one.text, room)
            found[Ask(one.verbatim_id, one.text, key, one.source, one.text_id, worst)] = request
        return found

    def _tell(self, taken: ClaimResult) -> None:
        for analysed in taken.settled:
            self._desk.observer.emit(analysed)
        self._desk.advance(taken.finished, 0.0)

    async def _create(self, batch: str, body: BatchBody) -> str:
        """Its id at Claude's side. Whatever is raised, a batch that was not made is undone."""
        desk, since = self._desk, datetime.now(UTC)
        await desk.thread.run(desk.store.note_sending, batch, body.requests)
        for number in range(1, MOST_CREATIONS + 1):
            try:
                return (await desk.api.create(body)).claude_id
            except ApiError as error:
                if error.unknown and (found := await self._find(batch, body.requests, since)) is not None:
                    return found
                if reason := self._gives_up(error, last=number == MOST_CREATIONS):
                    await desk.thread.run(desk.store.undo, batch)
                    raise reason from None
                try:
                    await desk.wait(min(error.retry_after_s or 2.0**number, 60.0))
                except Interrupted:
                    await desk.thread.run(desk.store.undo, batch)
                    raise
        raise AssertionError  # the last round returns or raises

    def _gives_up(self, error: ApiError, *, last: bool) -> VerbatimsError | None:
        if reason := fatal(error.error, self._desk.analyser.model):
            return reason
        if not error.passing:
            return TooManyFailures(f"Claude's API takes no such batch ({error.error}): check VERBATIMS_MODEL")
        return TransientError(f"Claude's API takes no batch: {error.cause or error.error}") if last else None

    async def _note_sent(self, batch: str, claude_id: str, worst_usd: float) -> None:
        """Raises ClaimsLost where another process undid the batch, since this one stood still while it was made."""
        desk = self._desk
        if await desk.thread.run(desk.store.note_sent, batch, claude_id, worst_usd):
            return
        with suppress(ApiError):  # then it is answered, and deleted by `collect` all the same
            await desk.api.cancel(claude_id)
        raise ClaimsLost(
            f"this process was taken for dead while it sent batch {claude_id}, and its texts were freed: "
            "it is cancelled, and what it may cost stays counted"
        )

    async def _find(self, batch: str, requests: int, since: datetime) -> str | None:
        """The id of a batch of which no word came; None where it was not made.

        A batch shows its custom ids only once it has ended, so each that could be it is waited for.
        """
        desk, began = self._desk, datetime.now(UTC)
        while True:
            unclear = False
            for candidate in await self._candidates(requests, since - CLOCKS_DIFFER):
                ours = await self._is_ours(candidate, batch) if candidate.ended else None
                if ours:
                    return candidate.claude_id
                unclear |= ours is None
            if not unclear and (datetime.now(UTC) - began).total_seconds() >= SETTLES_S:
                return None
            await desk.wait(LOOK_S)

    async def _candidates(self, requests: int, since: datetime) -> list[RemoteBatch]:
        known = await self._desk.thread.run(self._desk.store.known)
        try:
            found = await self._desk.api.since(since)
        except ApiError as error:
            if reason := fatal(error.error, self._desk.analyser.model):
                raise reason from None
            raise TransientError(f"Claude's API does not list its batches: {error.cause or error.error}") from None
        return [one for one in found if one.requests == requests and one.claude_id not in known]

    async def _is_ours(self, candidate: RemoteBatch, batch: str) -> bool | None:
        """Whether the first result of an ended batch is one of ours; None where it cannot be read just now."""
        with suppress(ApiError):  # it is in the list: its results come, unless it is deleted
            async for result in self._desk.api.results(candidate.claude_id):
                return text_id_of(str(result.get("custom_id")), batch) is not None
        return None

    @asynccontextmanager
    async def _alive(self) -> AsyncIterator[None]:
        """Show signs of life while a batch is filled and sent: an upload may take minutes."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(LEASE_S / 3)
                with suppress(VerbatimsError):  # it is not made twice: another process looks for it first
                    await self._desk.thread.run(self._desk.store.beat)

        task = asyncio.create_task(beat())
        try:
            yield
        finally:
            task.cancel()
