"""pydantic-ai: an agent with an output type and its own limit of runs at a time, and gather."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_ai import Agent  # type: ignore[import-not-found]
from pydantic_ai.models.anthropic import AnthropicModelSettings  # type: ignore[import-not-found]

from .program import Request, answer_model, run, text_of


async def ask_all(requests: list[Request], in_flight: int) -> list[Any]:
    """The answers, in the order of the requests."""
    first = requests[0]
    agent = Agent(
        f"anthropic:{first['model']}",
        instructions=first["system"][0]["text"],
        output_type=answer_model(first),
        model_settings=AnthropicModelSettings(max_tokens=first["max_tokens"], anthropic_cache_instructions=True),
        max_concurrency=in_flight,
    )
    ended = await asyncio.gather(*(agent.run(text_of(request)) for request in requests))
    return [one.output for one in ended]


if __name__ == "__main__":
    run(ask_all)
