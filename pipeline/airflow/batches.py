"""Waits for Message Batches in Airflow's triggerer, so that no worker is kept busy with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

FIRST_LOOK_S, LONGEST_LOOK_S = 2.0, 60.0
"""Pauses between two looks, each half as long again as the one before."""


class BatchesEnded(BaseTrigger):
    """Fires when Claude has worked on all of these batches, or when the task has to look for itself."""

    def __init__(self, claude_ids: Sequence[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.claude_ids = list(claude_ids)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What another triggerer goes on with: ids alone. The key comes from its own settings."""
        return (f"{type(self).__module__}.{type(self).__qualname__}", {"claude_ids": self.claude_ids})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at them until none is under way."""
        from pipeline.session import claude_of
        from pipeline.settings import load_settings

        with ExitStack() as stack:
            # reads files, and may start a sandbox: not in the loop that all triggers share
            client = await asyncio.to_thread(lambda: stack.enter_context(claude_of(load_settings())))
            async with client:
                await self._wait(client)
        yield TriggerEvent({"claude_ids": self.claude_ids})  # type: ignore[no-untyped-call, unused-ignore]

    async def _wait(self, client: Any) -> None:
        from pipeline.analyse.batch_api import ApiError, BatchApi

        api, pause = BatchApi(client), FIRST_LOOK_S
        for claude_id in self.claude_ids:
            while True:
                try:
                    if (await api.retrieve(claude_id)).ended:
                        break
                except ApiError as error:
                    # seconds after its creation the API may not know a batch yet
                    if not error.passing and error.error != "http_404":
                        return  # the task says what is wrong
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LONGEST_LOOK_S)
