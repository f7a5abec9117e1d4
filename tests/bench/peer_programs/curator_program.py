"""curator (bespokelabs-curator): its runner over rows, and its own limit of requests at a time.

Its backend for Claude, without its response format: for a model whose name holds `-4-` that would send
`response_format`, which the Messages API does not have. The schema goes as the API's own parameter instead.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from typing import Any

# it counts tokens by an encoding that it would fetch from the network; litellm, which it needs, brings that
import litellm.litellm_core_utils.default_encoding  # type: ignore[import-not-found]  # noqa: F401
from bespokelabs import curator  # type: ignore[import-not-found]

from .program import Request, answer_model, run, text_of

PER_MINUTE = 10**9
"""It waits for a rate of its own otherwise: no limit is what the others have."""


class Analyser(curator.LLM):  # type: ignore[misc]
    """What a user of it writes: the prompt of a row, and the row of an answer."""

    def prompt(self, row: dict[str, Any]) -> str:
        """The verbatim; the system prompt is a parameter."""
        return str(row["text"])

    def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
        """The answer beside the number of its verbatim."""
        return {"number": row["number"], "answer": response}


async def ask_all(requests: list[Request], in_flight: int) -> list[Any]:
    """The answers, in the order of the requests."""
    first, answer = requests[0], answer_model(requests[0])
    analyser = Analyser(
        model_name=first["model"],
        generation_params={key: first[key] for key in ("max_tokens", "system", "output_config", "thinking")},
        backend_params={
            "base_url": f"{os.environ['ANTHROPIC_BASE_URL']}/v1",
            "max_concurrent_requests": in_flight,
            "max_requests_per_minute": PER_MINUTE,
            "max_input_tokens_per_minute": PER_MINUTE,
            "max_output_tokens_per_minute": PER_MINUTE,
        },
    )
    rows = [{"number": number, "text": text_of(request)} for number, request in enumerate(requests)]
    with tempfile.TemporaryDirectory() as folder:  # it keeps requests, answers and a cache there
        ended = await asyncio.to_thread(analyser, rows, working_dir=folder)  # it runs an event loop of its own
    found = ended.dataset.to_pandas().sort_values("number")
    return [answer.model_validate_json(one) for one in found["answer"]]


if __name__ == "__main__":
    run(ask_all)
