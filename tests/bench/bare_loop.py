"""The loop that people write around the SDK: `python -m tests.bench.bare_loop reviews.jsonl`.

The SDK has its usual retries, a semaphore limits the calls in flight, and a text whose call raises is lost. Printed is
how many texts have an answer. ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY say whom it asks.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from anthropic import AsyncAnthropic

IN_FLIGHT = 60
PROMPT = "Give the sentiment and the topics of this customer review as JSON."


async def ask_all(texts: list[str]) -> int:
    """How many of the texts get a complete answer."""
    turn = asyncio.Semaphore(IN_FLIGHT)
    async with AsyncAnthropic(max_retries=2) as client:
        answered = await asyncio.gather(*(_ask(client, turn, text) for text in texts), return_exceptions=True)
    return sum(one is True for one in answered)


async def _ask(client: AsyncAnthropic, turn: asyncio.Semaphore, text: str) -> bool:
    async with turn:
        message = await client.messages.create(
            model="sandbox",
            max_tokens=1024,
            thinking={"type": "disabled"},  # as the pipeline says: a text that is lost is lost to the limit
            system=PROMPT,
            messages=[{"role": "user", "content": text}],
        )
    return message.stop_reason == "end_turn"


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    print(asyncio.run(ask_all([json.loads(line)["text"] for line in lines])))
