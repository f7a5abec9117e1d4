"""langchain-anthropic: a chat model with structured output, and `abatch` with its own limit."""

from __future__ import annotations

from typing import Any

from langchain_anthropic import ChatAnthropic  # type: ignore[import-not-found]
from langchain_core.messages import HumanMessage, SystemMessage  # type: ignore[import-not-found]

from .program import Request, answer_model, run, text_of


async def ask_all(requests: list[Request], in_flight: int) -> list[Any]:
    """The answers, in the order of the requests."""
    first = requests[0]
    model = ChatAnthropic(model=first["model"], max_tokens=first["max_tokens"], thinking=first["thinking"])
    chain = model.with_structured_output(answer_model(first))
    inputs = [[SystemMessage(one["system"]), HumanMessage(text_of(one))] for one in requests]
    answers: list[Any] = await chain.abatch(inputs, config={"max_concurrency": in_flight})
    return answers


if __name__ == "__main__":
    run(ask_all)
