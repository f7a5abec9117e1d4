"""What the programs of the libraries have in common: the requests, the model of an answer, the check and the output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from ..measured import measured

Request = dict[str, Any]
"""One body for the Messages API, as the pipeline sends it."""

AskAll = Callable[[list[Request], int], Awaitable[list[Any]]]
"""Sends requests with so many in flight: the answers in their order, as models of `answer_model`."""


def run(ask_all: AskAll) -> None:
    """Ask, check, print: how often the answer belongs to its verbatim, and what it took."""
    asyncio.run(_run(ask_all, json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))


async def _run(ask_all: AskAll, requests: list[Request]) -> None:
    # one event loop for both: langchain keeps its connections for the next model
    await ask_all(requests[:1], 1)  # imports and the first connection are not measured
    with measured() as found:
        answers = await ask_all(requests, int(os.environ["VERBATIMS_CONCURRENCY"]))
    right = sum(answer.summary == f"no. {number}" for number, answer in enumerate(answers))
    print(json.dumps(found | {"right": right}))


def text_of(request: Request) -> str:
    """What the user says in a request."""
    return str(request["messages"][0]["content"])


def answer_model(request: Request) -> type[BaseModel]:
    """The schema of a request as the model that a user of these libraries would write."""
    answer: type[BaseModel] = _type("Answer", request["output_config"]["format"]["schema"])
    return answer


async def in_turn(in_flight: int, ask: Callable[[Request], Awaitable[Any]], requests: list[Request]) -> list[Any]:
    """The loop for a library that has none of its own: a semaphore and gather."""
    turn = asyncio.Semaphore(in_flight)

    async def one(request: Request) -> Any:
        async with turn:
            return await ask(request)

    return await asyncio.gather(*map(one, requests))


def _type(name: str, part: dict[str, Any]) -> Any:
    if "enum" in part:
        return Literal[tuple(part["enum"])]
    if part["type"] == "array":
        return list[_type(name, part["items"])]  # type: ignore[misc]
    if part["type"] == "string":
        return str
    fields = {key: _field(key, one) for key, one in part["properties"].items()}
    return create_model(name, **fields)


def _field(key: str, part: dict[str, Any]) -> Any:
    return _type(key.title().replace("_", ""), part), Field(description=part.get("description"))
