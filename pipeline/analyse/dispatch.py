"""Between the workers and the store: claims handed out as workers pull, completed requests committed in groups."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from pipeline.analyse.group_commit import GroupCommit
from pipeline.analyse.policy import first_room
from pipeline.analyse.store_thread import StoreThread
from pipeline.claiming import LEASE_S, ClaimResult, ClaimStore, CompletedRequest, Unanswered, boot_clock
from pipeline.errors import BudgetUsedUp, VerbatimsError
from pipeline.events import SuccessRatioRead
from pipeline.observer import Observer, RequestSpan
from pipeline.records import Ask, Attempt

LOOK_AGAIN_S = 0.2
"""How often texts that are claimed elsewhere are checked again; a call takes a second or more."""

MAX_WAITING = 1000
"""Texts kept in memory while they wait for other claims; beyond that no new page is read."""

BEAT_S = 0.5
"""How often the processes are counted that share Claude's rate limit; until then a new one makes them exceed it."""

RATIO_EVERY = 4
"""In how many beats the success ratio is read from the store."""


class _ClaimedTexts:
    """The texts that this process may send, claimed a page at a time."""

    def __init__(
        self,
        claims: ClaimStore,
        thread: StoreThread,
        key: Callable[[str], str],
        worst_usd: Callable[[str, int], float],
        page: int,
    ) -> None:
        self._claims = claims
        self._thread = thread
        self._key = key
        self._worst_usd = worst_usd
        self._page = page
        self._waiting: list[Ask] = []
        self._after = 0
        self._read_all = False
        self.ready: deque[Ask] = deque()

    @property
    def waits(self) -> bool:
        """Whether texts are left that are claimed elsewhere."""
        return bool(self._waiting)

    async def claim(self) -> ClaimResult | None:
        """Claim another page into `ready`; None where there is nothing to claim just now."""
        offered = await self._read_page() or await self._unclaimed()
        if not offered:
            return None
        taken = await self._thread.run(self._claims.take, offered)
        self.ready.extend(taken.asks)
        self._waiting.extend((*taken.waiting, *taken.unaffordable))
        return taken

    async def _read_page(self) -> list[Ask]:
        if self._read_all or len(self._waiting) > MAX_WAITING:
            return []
        found = await self._thread.run(self._claims.pending, self._after, self._page)
        if not found:
            self._read_all = True
            return []
        self._after = found[-1].text_id
        return [self._ask(one) for one in found]

    def _ask(self, one: Unanswered) -> Ask:
        worst_usd = self._worst_usd(one.text, first_room(wordless=one.wordless))
        key, again = self._key(one.text), (one.earlier, one.wordless)
        return Ask(one.verbatim_id, one.text, key, one.source, one.text_id, worst_usd, *again)

    async def _unclaimed(self) -> list[Ask]:
        """Waiting texts whose claims have ended. Only reads: the store's writers are at work."""
        if not self._waiting:
            return []
        found = (await self._thread.run(self._claims.unclaimed, self._waiting))[: self._page]
        ids = {ask.text_id for ask in found}
        self._waiting = [ask for ask in self._waiting if ask.text_id not in ids]
        return found


class Dispatcher:
    """Implements the analyse stage's `RequestQueue`. Use it as an async context manager inside one event loop."""

    def __init__(
        self,
        claims: ClaimStore,
        key: Callable[[str], str],
        worst_usd: Callable[[str, int], float],
        observer: Observer,
        progress: Callable[[int, float], None],
        say: Callable[[str], None],
        page: int,
        patience_s: float,
    ) -> None:
        """`key` returns a text's request key, `worst_usd` the most that one try for it can cost; `progress` is called
        with (verbatims done, USD) at each commit.

        A store that does not answer is waited for, `patience_s` at most.
        """
        self._claims = claims
        self._observer = observer
        self._progress = progress
        self._thread = StoreThread(patience_s, say)
        self._texts = _ClaimedTexts(claims, self._thread, key, worst_usd, page)
        self._unsent: dict[int, Ask] = {}
        """Handed out and not sent yet."""
        # half of the workers: while they wait for a commit, the others wait for Claude
        self._commits = GroupCommit(claims, self._thread, observer, progress, max(page // 2, 1))
        self._few = page // 2
        self._ahead: asyncio.Task[bool] | None = None
        self._stopped = asyncio.Event()
        self._pulling = asyncio.Lock()
        self._error: VerbatimsError | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self.processes = 1
        """How many processes ask at present, this one included."""
        self._counted = False
        self._renewed_at = boot_clock()
        """When the last sign of life was about to be shown."""

    async def __aenter__(self) -> Dispatcher:
        self._heartbeat = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if self._heartbeat:
            self._heartbeat.cancel()
        if self._ahead:
            # what it claims is released too; what it raises is told by whoever needs the claims, or by nobody
            await asyncio.gather(self._ahead, return_exceptions=True)
        try:
            await self._thread.run(self._claims.release, [*self._texts.ready, *self._unsent.values()])
            await self._report_ratio()
        except VerbatimsError:
            if kind is None:
                raise  # otherwise the first error says more than this one
        finally:
            self._thread.close()
            if isinstance(error, VerbatimsError) and self._commits.loss:
                error.args = (f"{error}; {self._commits.loss}",)

    def stop(self) -> None:
        """Hand out nothing more."""
        self._stopped.set()

    async def next(self) -> Ask | None:
        """The next verbatim to send; waits while all that are left are claimed elsewhere."""
        async with self._pulling:
            while not self._stopped.is_set():
                await self._check_claims()
                if len(self._texts.ready) <= self._few:
                    self._claim_ahead()
                if self._texts.ready:
                    ask = self._texts.ready.popleft()
                    self._unsent[ask.text_id] = ask
                    return ask
                if not await self._claimed_ahead():
                    return None
        if self._error is not None:
            raise self._error
        return None

    async def before_sending(self, ask: Ask, more_usd: float = 0.0) -> None:
        """Wait while the store is away. Raises ClaimsLost where another process may send our texts by now, and
        BudgetUsedUp where no more can be reserved."""
        await self._check_claims()
        if more_usd:
            await self._thread.run(self._claims.reserve, ask, more_usd)
        self._unsent.pop(ask.text_id, None)

    async def pause(self, seconds: float) -> bool:
        """Wait; True, at once, where nothing more is handed out."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
        return self._stopped.is_set()

    async def _check_claims(self) -> None:
        self._check_commits()
        if self._error is not None:
            raise self._error
        if self._thread.away:
            await self._renew()
        await self._renew_if_late()

    async def commit(self, ask: Ask, attempts: tuple[Attempt, ...], call: RequestSpan, *, final: bool) -> None:
        """Join the next group commit. Raises what an earlier one has failed with."""
        await self._commits.add(CompletedRequest(ask, attempts, call.trace_id, final), call)
        self._check_commits()

    async def all_committed(self) -> None:
        """Return when no answer is on its way any more. Raises what a commit has failed with."""
        await self._commits.end()
        self._check_commits()

    def _check_commits(self) -> None:
        if self._commits.error is not None:
            raise self._commits.error

    async def _renew_if_late(self) -> None:
        """A process that was stopped for a while must not send what another may have taken over."""
        if boot_clock() - self._renewed_at > LEASE_S / 2:
            await self._renew()

    async def _renew(self) -> None:
        self._renewed_at = await self._thread.run(self._show_life)

    def _show_life(self) -> float:
        before = boot_clock()  # the process may be stopped behind the call
        self._claims.renew()
        return before

    def _claim_ahead(self) -> None:
        """While the last ones are being sent, the next are claimed: no worker waits for a transaction.

        A claim that has failed, or has found nothing more, stays until the last one is sent.
        """
        ahead = self._ahead
        if ahead is None or (ahead.done() and ahead.exception() is None and ahead.result()):
            self._ahead = asyncio.create_task(self._claim())

    async def _claimed_ahead(self) -> bool:
        """Whether there may be more. Raises what claiming has raised."""
        assert self._ahead is not None
        ahead, self._ahead = self._ahead, None
        return await ahead

    async def _claim(self) -> bool:
        """Claim more, or pause while claims elsewhere go on; False when nothing is left to do."""
        taken = await self._texts.claim()
        if taken is None:
            if self._texts.waits:
                await self.pause(LOOK_AGAIN_S)
            return self._texts.waits
        if not self._counted:
            self.processes, self._counted = await self._thread.run(self._claims.processes), True
        for analysed in taken.settled:
            self._observer.emit(analysed)
        self._progress(taken.finished, 0.0)
        if taken.unaffordable and not taken.asks:
            await self._wait_for_budget(taken)
        return True

    async def _wait_for_budget(self, taken: ClaimResult) -> None:
        """Calls in flight give back what they have not cost."""
        if taken.shortage is not None:
            later = "what is answered is stored, and the same command with a higher budget goes on"
            raise BudgetUsedUp(f"{taken.shortage}; {later}")
        await self.pause(LOOK_AGAIN_S)

    async def _beat(self) -> None:
        """Renew the leases, count the processes and show the ratio while the run goes on."""
        for number in itertools.count(1):
            await asyncio.sleep(BEAT_S)
            try:
                # at a third of the lease, so that one missed beat costs nothing
                if boot_clock() - self._renewed_at > LEASE_S / 3:
                    await self._renew()
            except VerbatimsError as error:
                self._error = error  # without its leases this process may not ask on
                self.stop()
            with suppress(VerbatimsError):  # the next beat reads them again
                self.processes = await self._thread.run(self._claims.processes)
                if number % RATIO_EVERY == 0:
                    await self._report_ratio()

    async def _report_ratio(self) -> None:
        ratio = await self._thread.run(self._claims.success_ratio)
        if ratio is not None:
            self._observer.emit(SuccessRatioRead(ratio))
