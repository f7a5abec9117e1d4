"""One question to Claude, and what came of it."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import anthropic
from anthropic import AsyncAnthropic, DefaultAioHttpClient

from pipeline.analyse.analyser import Analyser
from pipeline.analyse.answer import Unreadable, parse_answer
from pipeline.analyse.price import Price, Tokens, thinking_tokens
from pipeline.analyse.tries import BeforeSending, Tries, cause_of, each_try
from pipeline.errors import VerbatimsError
from pipeline.records import Analysis, Attempt, JsonError, Outcome

MAX_TOKENS = 100_000_000
"""More than any model takes or gives: a count beyond it is no count, and no column would hold it."""

LONGEST_CALL_S = 600.0
"""An upper bound over all retries of a call."""


class Claude:
    """The live API (or the sandbox's: the wire is the same), one message per verbatim."""

    def __init__(self, client: AsyncAnthropic, analyser: Analyser, price: Price) -> None:
        self._client = client
        self._analyser = analyser
        self._price = price

    async def ask(self, text: str, before_sending: BeforeSending, room: int = 1) -> Attempt:
        """Ask once, the transport's retries included. Whatever comes back is an outcome.

        Raises what `before_sending` raises before the first try; before another one that is what ends the attempt.
        """
        sent_at, started = datetime.now(UTC), time.perf_counter()
        tries = Tries(before_sending)
        try:
            message = await self._send(text, tries, room)
            outcome, more = self._judge(message, text)
            more |= self._paid(message["usage"])
        except Exception as error:
            outcome, more = Outcome.FAILED, {"error": _code(error, tries)}
            if isinstance(error, anthropic.APIConnectionError | TimeoutError):
                more["cause"] = cause_of(error)
        # the last try is the attempt itself
        retried = tries.errors[:-1] if [more.get("error")] == tries.errors[-1:] else tries.errors
        duration_s = time.perf_counter() - started
        return Attempt(outcome, self._analyser.model, sent_at, duration_s, retried=tuple(retried), **more)

    async def _send(self, text: str, tries: Tries, room: int) -> Any:
        # raw: the SDK's own parsing raises on bad JSON and takes the paid usage with it
        with tries.watching():
            async with asyncio.timeout(LONGEST_CALL_S):
                response = await self._client.messages.with_raw_response.create(**self._analyser.request(text, room))
                return await response.json()

    def _judge(self, message: Any, text: str) -> tuple[Outcome, dict[str, Any]]:
        """Which of the outcomes a message is. Only a complete one is read as an answer."""
        raw = _storable("".join(str(block.get("text", "")) for block in message["content"] if isinstance(block, dict)))
        if message.get("stop_reason") == "refusal":
            return Outcome.REFUSED, {"raw": raw}
        if message.get("stop_reason") in ("max_tokens", "model_context_window_exceeded"):
            return Outcome.TRUNCATED, {"raw": raw}
        if not raw.strip():
            return Outcome.EMPTY, {"raw": raw}
        verdict = self._read(raw, text)
        if isinstance(verdict, JsonError):
            return Outcome.UNREADABLE, {"raw": raw, "json_error": verdict}
        return Outcome.ANALYSED, {"raw": raw, "analysis": verdict}

    def _read(self, raw: str, text: str) -> Analysis | JsonError:
        try:
            return parse_answer(raw, text, self._analyser.topics)
        except Unreadable as error:
            return error.reason

    def _paid(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        tokens = Tokens.of(usage)
        if not (0 <= tokens.input < MAX_TOKENS and 0 <= tokens.output < MAX_TOKENS):
            raise ValueError("no count of tokens")
        cost_usd, input_usd = self._price.whole_and_input(tokens)
        return {
            "input_tokens": tokens.input,
            "output_tokens": tokens.output,
            "cached_tokens": tokens.cache_read,
            "thinking_tokens": thinking_tokens(usage),
            "cost_usd": cost_usd,
            "input_usd": input_usd,
        }


def _code(error: Exception, tries: Tries) -> str:
    """What `Attempt.error` says of a request that failed. Raises what cannot be foreseen."""
    match error:
        case anthropic.APIStatusError():
            return f"http_{error.status_code}"
        case anthropic.APITimeoutError() | TimeoutError():
            return "timeout"
        case anthropic.APIConnectionError():
            return "connection"
        case ValueError() | TypeError() | KeyError() | AttributeError() | ArithmeticError() | RecursionError():
            return "bad_response"  # 200, and not the API's shape: a gateway's page, a body cut short
        case VerbatimsError() if tries.errors:
            return tries.errors[-1]  # it may not be sent again
    raise error


def _storable(raw: str) -> str:
    """Without what no database takes: half a surrogate pair, and NUL."""
    return raw.encode("utf-8", "replace").decode().replace("\0", "")


def connect(
    *,
    api_key: str,
    base_url: str | None,
    concurrency: int,
    timeout_s: float,
    retries: int,
    sandbox: bool,
    open_telemetry: Any,
) -> AsyncAnthropic:
    """A client on the aiohttp transport, which halves the CPU of a call. Close it when done.

    Nothing meant for a sandbox passes through a proxy or carries the headers that the environment holds for a
    gateway; and no answer may send a verbatim on to another address.
    """
    for name in ("anthropic", "httpx2"):
        # ANTHROPIC_LOG=debug would write every text to the log
        logging.getLogger(name).setLevel(logging.WARNING)
    if sandbox:
        os.environ.pop("ANTHROPIC_CUSTOM_HEADERS", None)  # the SDK adds them to every request, a gateway's token maybe
    limits = anthropic.DEFAULT_CONNECTION_LIMITS
    return AsyncAnthropic(
        api_key=api_key,
        base_url=base_url or "https://api.anthropic.com",  # said, so that no profile on the machine decides it
        timeout=timeout_s,
        max_retries=retries,
        http_client=DefaultAioHttpClient(
            limits=type(limits)(max_connections=max(concurrency, 100)), trust_env=not sandbox, follow_redirects=False
        ),
        middleware=[each_try],
        open_telemetry=open_telemetry,
    )
