"""One question to Claude, and what came of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import anthropic
from anthropic import AsyncAnthropic, DefaultAioHttpClient

from pipeline.analyse.answer import Unreadable, read
from pipeline.analyse.price import Price, Tokens
from pipeline.analyse.prompt import Prompt
from pipeline.records import Analysis, Attempt, JsonError, Outcome

TURNED_AWAY = {
    "http_401": "the key is wrong: check ANTHROPIC_API_KEY",
    "http_402": "the account has no credit: check its billing",
    "http_403": "the key may not do this: check its workspace and rights",
    "http_404": "there is no such model at this address: check VERBATIMS_MODEL and ANTHROPIC_BASE_URL",
}
"""Key, credit, rights, model: the next verbatim would meet the same answer, so the run stops."""

LONGEST_CALL_S = 600.0
"""An upper bound over all retries: the SDK follows a server's `retry-after` without a cap."""


class Claude:
    """The live API (or the sandbox's: the wire is the same), one message per verbatim."""

    def __init__(self, client: AsyncAnthropic, prompt: Prompt, price: Price) -> None:
        self._client = client
        self._prompt = prompt
        self._price = price

    async def ask(self, text: str) -> Attempt:
        """Ask once, the transport's retries included. Whatever comes back is an outcome."""
        sent_at, started = datetime.now(UTC), time.perf_counter()

        def ended(outcome: Outcome, **more: Any) -> Attempt:
            return Attempt(outcome, self._prompt.model, sent_at, time.perf_counter() - started, **more)

        try:
            # raw: the SDK's own parsing raises on bad JSON and takes the paid usage with it
            async with asyncio.timeout(LONGEST_CALL_S):
                response = await self._client.messages.with_raw_response.create(**self._prompt.request(text))
                message = await response.json()
        except anthropic.APIStatusError as error:
            return ended(Outcome.FAILED, error=f"http_{error.status_code}")
        except (anthropic.APITimeoutError, TimeoutError):
            return ended(Outcome.FAILED, error="timeout")
        except anthropic.APIConnectionError:
            return ended(Outcome.FAILED, error="connection")
        except ValueError:
            return ended(Outcome.FAILED, error="bad_response")
        if not isinstance(message, Mapping) or not isinstance(message.get("usage"), Mapping):
            return ended(Outcome.FAILED, error="bad_response")
        outcome, more = self._judge(message, text)
        return ended(outcome, **more, **self._paid(message["usage"]))

    def _judge(self, message: Mapping[str, Any], text: str) -> tuple[Outcome, dict[str, Any]]:
        """Which of the outcomes a message is. Only a complete one is read as an answer."""
        raw = "".join(str(block.get("text", "")) for block in message.get("content") or [] if isinstance(block, dict))
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
            return read(raw, text, self._prompt.topics)
        except Unreadable as error:
            return error.reason

    def _paid(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        tokens = Tokens.of(usage)
        return {
            "input_tokens": tokens.input,
            "output_tokens": tokens.output,
            "cost_usd": self._price.usd(tokens),
        }


def connect(
    *,
    api_key: str,
    base_url: str | None,
    concurrency: int,
    timeout_s: float,
    retries: int,
    proxies: bool,
    open_telemetry: Any,
) -> AsyncAnthropic:
    """A client on the aiohttp transport, which halves the CPU of a call. Close it when done.

    `proxies`: whether the machine's proxy settings count; nothing meant for a sandbox may pass through one.
    """
    for name in ("anthropic", "httpx2"):
        # ANTHROPIC_LOG=debug would write every text to the log
        logging.getLogger(name).setLevel(logging.WARNING)
    limits = anthropic.DEFAULT_CONNECTION_LIMITS
    return AsyncAnthropic(
        api_key=api_key,
        base_url=base_url or "https://api.anthropic.com",  # said, so that no profile on the machine decides it
        timeout=timeout_s,
        max_retries=retries,
        http_client=DefaultAioHttpClient(limits=type(limits)(max_connections=max(concurrency, 100)), trust_env=proxies),
        open_telemetry=open_telemetry,
    )
