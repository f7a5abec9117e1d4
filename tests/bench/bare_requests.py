"""The loop that people write around the SDK, with the pipeline's requests: `python -m tests.bench.bare_requests N`.

AsyncAnthropic with its defaults, a semaphore, gather; neither telemetry nor a store. Prints one JSON object.
ANTHROPIC_BASE_URL says whom it asks, VERBATIMS_CONCURRENCY how many calls are in flight.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from anthropic import AsyncAnthropic

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.topics import load_topics

from .measured import measured, text_of


async def ask_all(requests: list[dict[str, Any]], in_flight: int) -> list[str]:
    """The answers, in the order of the requests."""
    turn = asyncio.Semaphore(in_flight)
    async with AsyncAnthropic() as client:

        async def ask(request: dict[str, Any]) -> str:
            async with turn:
                message = await client.messages.create(**request)
            return next(block.text for block in message.content if block.type == "text")

        return await asyncio.gather(*map(ask, requests))


def main() -> None:
    """Ask, check, print."""
    count, in_flight = int(sys.argv[1]), int(os.environ["VERBATIMS_CONCURRENCY"])
    analyser = Analyser(define("claude-haiku-4-5", load_topics(None)), 1024)
    requests = [analyser.request(text_of(number)) for number in range(count)]
    asyncio.run(ask_all(requests[:1], 1))  # imports and the first connection are not measured
    with measured() as found:
        answers = asyncio.run(ask_all(requests, in_flight))
    right = sum(json.loads(answer)["summary"] == f"no. {number}" for number, answer in enumerate(answers))
    print(json.dumps(found | {"right": right}))


if __name__ == "__main__":
    main()
