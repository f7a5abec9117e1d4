"""Completed requests on their way into the store: in groups, each a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from pipeline.analyse.store_thread import StoreThread
from pipeline.claiming import ClaimStore, CompletedRequest
from pipeline.errors import StoreRejection
from pipeline.events import VerbatimAnalysed
from pipeline.observer import Observer, RequestSpan
from pipeline.records import Attempt, Outcome

GATHER_S = 0.02
"""How long a group gathers at most. A transaction takes 6 ms of CPU, and 0.2 ms more for each request."""


@dataclass(frozen=True, slots=True)
class _Entry:
    ended: CompletedRequest
    call: RequestSpan
    done: asyncio.Event


class GroupCommit:
    """Requests that end within some milliseconds, or while one group is being written, form the next group."""

    def __init__(
        self,
        claims: ClaimStore,
        thread: StoreThread,
        observer: Observer,
        progress: Callable[[int, float], None],
        enough: int,
    ) -> None:
        """`enough`: how many make a group that waits for no more, and how many may be on their way unawaited."""
        self._claims = claims
        self._thread = thread
        self._observer = observer
        self._progress = progress
        self._enough = enough
        self._gathered = asyncio.Event()
        self._entries: list[_Entry] = []
        self._flushing: asyncio.Task[None] | None = None
        self._unsaved = 0
        self._lost: list[Attempt] = []
        self.error: Exception | None = None
        """The first that a commit, or whoever is told of it, has failed with."""

    async def add(self, ended: CompletedRequest, call: RequestSpan) -> None:
        """Join the next group. Returns at once while `enough` or fewer are on their way, else when it is on disk."""
        entry = _Entry(ended, call, asyncio.Event())
        self._entries.append(entry)
        self._unsaved += 1
        if len(self._entries) == self._enough:
            self._gathered.set()
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        if self._unsaved > self._enough:
            await entry.done.wait()

    async def end(self) -> None:
        """Return when nothing is on its way any more."""
        if self._flushing:
            await self._flushing

    @property
    def loss(self) -> str | None:
        """What was paid and could not be stored, in words."""
        cost = sum(attempt.cost_usd for attempt in self._lost)
        one = len(self._lost) == 1
        said = f"{len(self._lost)} answer{'' if one else 's'} that cost ${cost:.4f} {'is' if one else 'are'} lost"
        return f"{said}, and the next run pays {'it' if one else 'them'} again" if self._lost else None

    async def _flush(self) -> None:
        while self._entries:
            await self._gather()
            group, self._entries = self._entries, []
            try:
                await self._commit(group)
            except Exception as error:  # of whoever is told: it stops the run, and nobody waits for ever
                self.error = self.error or error
            self._unsaved -= len(group)
            for entry in group:
                entry.done.set()

    async def _gather(self) -> None:
        """Until as many are there as make a group, or some time has passed."""
        if len(self._entries) < self._enough:
            self._gathered.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._gathered.wait(), GATHER_S)

    async def _commit(self, group: list[_Entry]) -> None:
        """One transaction; one each where a value cannot be stored, which must not take the others with it."""
        try:
            news = await self._thread.run(self._claims.commit, [entry.ended for entry in group])
        except StoreRejection as error:
            for entry in group:
                await (self._commit([entry]) if len(group) > 1 else self._commit_rejected(entry, error))
        except Exception as error:
            for entry in group:
                self._lose(entry, error)
        else:
            self._tell(group, news)

    async def _commit_rejected(self, entry: _Entry, error: StoreRejection) -> None:
        """What was paid is stored without the answer, which then is not asked for again."""
        if entry.ended.attempts[-1].outcome is Outcome.UNSTORABLE:
            self._lose(entry, error)
        else:
            await self._commit([replace(entry, ended=_without_answer(entry.ended))])

    def _lose(self, entry: _Entry, error: Exception) -> None:
        self._lost += [attempt for attempt in entry.ended.attempts if attempt.cost_usd]
        self.error = self.error or error

    def _tell(self, group: Sequence[_Entry], news: Sequence[VerbatimAnalysed | None]) -> None:
        with self._observer.together():
            for entry, analysed in zip(group, news, strict=True):
                for attempt in entry.ended.attempts:
                    entry.call.committed(attempt)
                if analysed is not None:
                    self._observer.emit(analysed)
                self._progress(1, sum(attempt.cost_usd for attempt in entry.ended.attempts))


def _without_answer(ended: CompletedRequest) -> CompletedRequest:
    *earlier, last = (replace(attempt, raw=None) for attempt in ended.attempts)
    last = replace(last, outcome=Outcome.UNSTORABLE, analysis=None, json_error=None)
    return replace(ended, attempts=(*earlier, last), final=True)
