"""instructor: its client of a provider with a response model, a semaphore and gather."""

from __future__ import annotations

from typing import Any

import instructor  # type: ignore[import-not-found]

from .program import Request, answer_model, in_turn, run, text_of


async def ask_all(requests: list[Request], in_flight: int) -> list[Any]:
    """The answers, in the order of the requests."""
    answer = answer_model(requests[0])
    client = instructor.from_provider(f"anthropic/{requests[0]['model']}", async_client=True)

    async def ask(request: Request) -> Any:
        return await client.create(
            response_model=answer,
            max_tokens=request["max_tokens"],
            system=request["system"],
            messages=[{"role": "user", "content": text_of(request)}],
        )

    return await in_turn(in_flight, ask, requests)


if __name__ == "__main__":
    run(ask_all)
