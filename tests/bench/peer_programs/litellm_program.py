"""litellm: `acompletion` with a model as its response format, a semaphore and gather."""

from __future__ import annotations

from typing import Any

import litellm  # type: ignore[import-not-found]

from .program import Request, answer_model, in_turn, run, text_of


async def ask_all(requests: list[Request], in_flight: int) -> list[Any]:
    """The answers, in the order of the requests."""
    answer = answer_model(requests[0])

    async def ask(request: Request) -> Any:
        response = await litellm.acompletion(
            model=f"anthropic/{request['model']}",
            max_tokens=request["max_tokens"],
            messages=[
                {"role": "system", "content": request["system"]},
                {"role": "user", "content": text_of(request)},
            ],
            response_format=answer,
        )
        return answer.model_validate_json(response.choices[0].message.content)

    return await in_turn(in_flight, ask, requests)


if __name__ == "__main__":
    run(ask_all)
