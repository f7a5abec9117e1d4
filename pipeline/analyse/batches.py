"""A run in batches: send all that is pending, wait, collect, and send once more what has no outcome yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.analyse.batch_collecting import Collector
from pipeline.analyse.batch_sending import Sender
from pipeline.batching import BatchState, OpenBatch

MOST_ROUNDS = 3
"""How often a text is sent in a batch of one run: what expires or fails then waits for the next run."""

FIRST_LOOK_S, LONGEST_LOOK_S = 1.0, 60.0
"""Pauses between two looks at a batch, each half as long again as the one before."""


class BatchRun:
    """The batches of one run."""

    def __init__(self, sender: Sender, collector: Collector, open_batches: Callable[[], Sequence[OpenBatch]]) -> None:
        self._sender = sender
        self._collector = collector
        self._open_batches = open_batches

    async def send(self) -> int:
        """Send what is pending once; returns the number of requests.

        Nothing is sent while it is not known whether a batch of a process that is gone was made. Raises what the
        results of earlier batches say against sending more.
        """
        await self.resolve()
        await self.check()
        return await self._sender.send_all()

    async def resolve(self) -> None:
        """Find out what became of batches whose process is gone."""
        for batch in self._open_batches():
            if batch.abandoned and batch.state in (BatchState.FILLING, BatchState.SENDING):
                await self._sender.resolve(batch)

    def any_open(self) -> bool:
        """Whether there is a batch whose results are not stored."""
        return bool(self._open_batches())

    def any_unsent(self) -> bool:
        """Whether a process fills or sends a batch, or is gone: the store shows it within a minute."""
        return any(batch.claude_id is None for batch in self._open_batches())

    async def collect(self, *, patient: bool = True) -> bool:
        """Store what has ended; returns whether batches are still under way. `patient`: as `Collector.collect`."""
        await self.resolve()
        under_way = False
        for batch in self._open_batches():
            sent = batch.state in (BatchState.SENT, BatchState.COLLECTED)
            under_way |= not (sent and await self._collector.collect(batch, patient=patient))
        return under_way

    async def check(self) -> None:
        """Raises what the results say against sending more, if a text waits for it."""
        if self._collector.stopped is not None and await self._sender.anything_pending():
            raise self._collector.stopped
