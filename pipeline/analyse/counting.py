"""Claude's own count of input tokens. It is free, and gives no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import anthropic
from anthropic import AsyncAnthropic

from pipeline.analyse.analyser import Analyser
from pipeline.analyse.price import MOST

LONGEST_COUNT_S = 20.0
"""For all texts together: an estimate is not worth a longer wait."""

AT_A_TIME = 8
"""Counts in flight. The API limits them per minute, apart from the calls that are paid."""


class NotCounted(Exception):
    """Claude has not counted. The message says why in some words, and quotes nothing."""


async def count_tokens(client: AsyncAnthropic, analyser: Analyser, texts: Sequence[str]) -> list[int]:
    """The input tokens of the request without a text, and then of the request for each text.

    Raises NotCounted if one of them fails. No text is sent unless the first count succeeds.
    """
    turns = asyncio.Semaphore(AT_A_TIME)
    try:
        async with asyncio.timeout(LONGEST_COUNT_S), client:
            fixed = await _count(client, analyser, "", turns)
            return [fixed, *await asyncio.gather(*(_count(client, analyser, text, turns) for text in texts))]
    except anthropic.APIStatusError as error:
        raise NotCounted(f"HTTP {error.status_code}") from None
    except (anthropic.APITimeoutError, TimeoutError):
        raise NotCounted("no answer in time") from None
    except anthropic.APIConnectionError:
        raise NotCounted("no connection") from None
    except (anthropic.AnthropicError, ValueError, TypeError, KeyError, RecursionError):
        raise NotCounted("no count in the answer") from None  # a gateway's page, or another shape


async def _count(client: AsyncAnthropic, analyser: Analyser, text: str, turns: asyncio.Semaphore) -> int:
    request = analyser.request(text)
    del request["max_tokens"]  # the only field that a count refuses
    async with turns:
        response = await client.messages.with_raw_response.count_tokens(**request)
        body: Any = await response.json()
    counted = int(body["input_tokens"])
    if not 0 < counted <= MOST:
        raise ValueError("no such number of tokens")
    return counted
