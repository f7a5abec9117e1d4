"""One HTTP request to Claude, and what came of it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import anthropic
from anthropic import AsyncAnthropic, DefaultAioHttpClient

from pipeline.analyse.analyser import Analyser
from pipeline.analyse.answer import Unreadable, parse_answer
from pipeline.analyse.pace import read_limits
from pipeline.analyse.policy import ERROR_CODES, MAYBE_PAID
from pipeline.analyse.price import Price, Tokens, thinking_tokens
from pipeline.analyse.tries import NEVER_SENT, Try, cause_of
from pipeline.records import Analysis, Attempt, JsonError, Outcome

MAX_TOKENS = 100_000_000
"""More than any model takes or gives: a count beyond it is no count, and no column would hold it."""

LONGEST_TRY_S = 600.0
"""The SDK's time limit is one between two bytes."""


class Claude:
    """The live API (or the sandbox's: the wire is the same), one message per verbatim."""

    def __init__(self, client: AsyncAnthropic, analyser: Analyser, price: Price) -> None:
        self._client = client
        self._analyser = analyser
        self._price = price
        self._worst: dict[Tokens, float] = {}

    def worst_usd(self, text: str, room: int = 1) -> float:
        """The most that one try can cost."""
        most = self._analyser.most_tokens(text, room)
        if most not in self._worst:
            self._worst[most] = self._price.usd(most)
        return self._worst[most]

    async def send(self, text: str, room: int = 1) -> Try:
        """Send one request. Whatever comes back is an outcome; raises only what cannot be foreseen.

        `room` multiplies `max_tokens`.
        """
        sent_at, began = datetime.now(UTC), time.perf_counter()
        headers: Mapping[str, str] = {}
        try:
            message, headers = await self._request(text, room)
            outcome, more = self._judge(message, text)
            more |= self._paid(message["usage"])
        except Exception as error:
            outcome, more = Outcome.FAILED, _failure(error)
            if isinstance(error, anthropic.APIStatusError):
                headers = error.response.headers
        attempt = Attempt(outcome, self._analyser.model, sent_at, time.perf_counter() - began, **more)
        maybe_paid = attempt.error in MAYBE_PAID and attempt.cause not in NEVER_SENT
        return Try(attempt, began, read_limits(headers), _retry_after(headers), maybe_paid)

    async def _request(self, text: str, room: int) -> tuple[Any, Mapping[str, str]]:
        # raw: the SDK's own parsing raises on bad JSON and takes the paid usage with it
        async with asyncio.timeout(LONGEST_TRY_S):
            response = await self._client.messages.with_raw_response.create(**self._analyser.request(text, room))
            return await response.json(), response.headers

    def _judge(self, message: Any, text: str) -> tuple[Outcome, dict[str, Any]]:
        """Which of the outcomes a message is. Only a complete one is read as an answer."""
        raw = _storable("".join(str(block.get("text", "")) for block in message["content"] if isinstance(block, dict)))
        if message.get("stop_reason") == "refusal":
            return Outcome.REFUSED, {"raw": raw, "refusal": _category(message.get("stop_details"))}
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


def _failure(error: Exception) -> dict[str, Any]:
    """What an attempt says of a request that failed. Raises what cannot be foreseen."""
    match error:
        case anthropic.APIStatusError():
            code = error.error_code
            return {"error": code if code in ERROR_CODES else f"http_{error.status_code}"}
        case anthropic.APITimeoutError() | TimeoutError():
            return {"error": "timeout", "cause": cause_of(error)}
        case anthropic.APIConnectionError():
            return {"error": "connection", "cause": cause_of(error)}
        case ValueError() | TypeError() | KeyError() | AttributeError() | ArithmeticError() | RecursionError():
            return {"error": "bad_response"}  # 200, and not the API's shape: a gateway's page, a body cut short
    raise error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, where the headers say so."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        # a date would need this machine's clock to be right
        if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", said := headers.get(name, "")):
            return float(said) / unit
    return None


def _category(details: Any) -> str | None:
    """The category of a refusal, if it is one word: a gateway may say anything."""
    said = details.get("category") if isinstance(details, dict) else None
    return said if isinstance(said, str) and re.fullmatch(r"[a-z_]{1,40}", said) else None


def _storable(raw: str) -> str:
    """Without what no database takes: half a surrogate pair, and NUL."""
    return raw.encode("utf-8", "replace").decode().replace("\0", "")


def connect(
    *,
    api_key: str,
    base_url: str | None,
    concurrency: int,
    timeout_s: float,
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
        max_retries=0,  # `policy` decides what is sent again, and each try is seen
        http_client=DefaultAioHttpClient(
            limits=type(limits)(max_connections=max(concurrency, 100)), trust_env=not sandbox, follow_redirects=False
        ),
        open_telemetry=open_telemetry,
    )
