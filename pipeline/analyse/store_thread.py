"""Calls to the store from an event loop. A store that is away is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from pipeline.claiming import boot_clock
from pipeline.errors import StoreUnavailable

T = TypeVar("T")

AGAIN_S = 1.0
"""How often a store that is away is tried; a restart of Postgres takes some seconds."""


class StoreThread:
    """Where the store's blocking calls run. They are repeated while the store is away, for so long."""

    def __init__(self, patience_s: float, say: Callable[[str], None]) -> None:
        # one thread: SQLite has one writer, and waiting for it in a queue is fairer than in its busy loop
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._patience_s = patience_s
        self._say = say
        self._waiting = 0
        self._away_since = 0.0

    @property
    def away(self) -> bool:
        """Whether a call waits for the store. Another may go through: a SQLite file that is held can be read."""
        return self._waiting > 0

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function of the store that may be repeated. Raises StoreUnavailable where it stays away."""
        try:
            return await self._call(function, *arguments)
        except StoreUnavailable as error:
            failed = error
        self._start_waiting(failed)
        given_up = False
        try:
            while boot_clock() - self._away_since < self._patience_s:
                await asyncio.sleep(AGAIN_S)
                with suppress(StoreUnavailable):
                    return await self._call(function, *arguments)
            given_up = True  # it counts as away from now on: nobody else waits as long again
            raise failed
        finally:
            if not given_up:
                self._stop_waiting()

    async def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def close(self) -> None:
        self._pool.shutdown()

    def _start_waiting(self, error: StoreUnavailable) -> None:
        self._waiting += 1
        if self._waiting == 1:
            self._away_since = boot_clock()
            self._say(
                f"{error}; until it answers, for {self._patience_s:.0f} s at most, nothing new is asked, and answers "
                "that are paid are kept"
            )

    def _stop_waiting(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._say("the store answers again")
