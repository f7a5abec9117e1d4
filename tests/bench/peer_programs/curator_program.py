"""curator (bespokelabs-curator): its runner over rows with a response format, and its own limit of requests at a time.

The backend is its litellm one. The one that it takes for Claude by itself sends `response_format`, which the Messages
API does not have, to every model whose name holds `-4-`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from typing import Any

from bespokelabs import curator  # type: ignore[import-not-found]

from .program import Request, answer_model, run, text_of

PER_MINUTE = 10**9
"""It waits for a rate of its own otherwise: no limit is what the others have."""


class Analyser(curator.LLM):  # type: ignore[misc]
    """What a user of it writes: the messages of a row, and the row of an answer."""

    system: Any

    def prompt(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """A system prompt and a verbatim."""
        return [{"role": "system", "content": self.system}, {"role": "user", "content": row["text"]}]

    def parse(self, row: dict[str, Any], response: Any) -> dict[str, Any]:
        """The answer beside the number of its verbatim."""
        return {"number": row["number"], "answer": response.model_dump_json()}


async def ask_all(requests: list[Request], in_flight: int) -> list[Any]:
    """The answers, in the order of the requests."""
    first, answer = requests[0], answer_model(requests[0])
    analyser = Analyser(
        model_name=f"anthropic/{first['model']}",
        backend="litellm",
        response_format=answer,
        generation_params={"max_tokens": first["max_tokens"]},
        backend_params={
            "base_url": os.environ["ANTHROPIC_BASE_URL"],
            "max_concurrent_requests": in_flight,
            "max_requests_per_minute": PER_MINUTE,
            "max_tokens_per_minute": PER_MINUTE,
        },
    )
    analyser.system = first["system"]
    rows = [{"number": number, "text": text_of(request)} for number, request in enumerate(requests)]
    with tempfile.TemporaryDirectory() as folder:  # it keeps requests, answers and a cache there
        ended = await asyncio.to_thread(analyser, rows, working_dir=folder)  # it runs an event loop of its own
    found = ended.dataset.to_pandas().sort_values("number")
    return [answer.model_validate_json(one) for one in found["answer"]]


if __name__ == "__main__":
    run(ask_all)
