"""Waits for the pace of one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from pipeline.analyse.pace import Load, Pace
from pipeline.analyse.policy import RAMP_LIMITED, RATE_LIMITED
from pipeline.analyse.tries import Try
from pipeline.events import HeldBack, RateLimitsStated
from pipeline.observer import Observer

Pause = Callable[[float], Awaitable[bool]]
"""Waits so many seconds; returns True, at once, where nothing more is to be sent."""


class Pacer:
    """Lets requests leave one after another, each when the pace has room for it. Belongs to one event loop."""

    def __init__(
        self, pace: Pace, observer: Observer, processes: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`processes`: how many share the limits at present."""
        self._pace = pace
        self._observer = observer
        self._processes = processes
        self._clock = clock
        self._turn = asyncio.Lock()
        self._known_processes = 1

    async def leave(self, characters: int, pause: Pause) -> tuple[Load | None, float]:
        """Wait for the turn of a request. Returns what it is expected to take, None where it may not leave any more,
        and the seconds waited."""
        came, queued = self._clock(), self._turn.locked()
        async with self._turn:  # first come, first served
            began, paused = self._clock(), False
            while (left_s := self._wait_s(characters)) > 0:
                paused = True
                if await pause(left_s):
                    return None, self._clock() - came
            now = self._clock()
            if paused:
                self._observer.emit(HeldBack(now - began))
            return self._pace.sent(now, characters), now - came if paused or queued else 0.0

    def withdrawn(self, expected: Load, characters: int) -> None:
        """A request that had its turn was not sent."""
        self._pace.ended(self._clock(), expected, characters)

    def ended(self, expected: Load, characters: int, ended: Try) -> None:
        """Learn from a request that has ended."""
        now = self._clock()
        self._pace.ended(now, expected, characters, ended.took, ended.limits)
        if ended.limits:
            # each time: who exports a gauge forgets its value, and the limits may be raised at any moment
            stated = {kind: limit.per_minute for kind, limit in ended.limits.items()}
            self._observer.emit(RateLimitsStated(stated))
        if ended.attempt.error in RATE_LIMITED:
            self._pace.refused(now, ended.retry_after_s, ramp=ended.attempt.error == RAMP_LIMITED)

    def _wait_s(self, characters: int) -> float:
        now, processes = self._clock(), self._processes()
        if processes != self._known_processes:
            self._known_processes = processes
            self._pace.divide(now, processes)
        return self._pace.wait_s(now, characters)
