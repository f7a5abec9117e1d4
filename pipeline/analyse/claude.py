"""One HTTP request to Claude, and what came of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import anthropic

from pipeline.analyse.analyser import Analyser
from pipeline.analyse.bound import WorstCase
from pipeline.analyse.client import Client
from pipeline.analyse.judge import NOT_THE_SHAPE, Judge
from pipeline.analyse.pace import read_limits
from pipeline.analyse.policy import ERROR_CODES, MAYBE_PAID
from pipeline.analyse.price import Price
from pipeline.analyse.tries import NEVER_SENT, Try, cause_of
from pipeline.records import Attempt, Outcome

LONGEST_TRY_S = 600.0
"""The SDK's time limit is one between two bytes."""


class Claude:
    """The live API (or the sandbox's: the wire is the same), one message per verbatim."""

    def __init__(self, client: Client, analyser: Analyser, price: Price) -> None:
        self._client = client
        self._analyser = analyser
        self._judge = Judge(analyser, price)
        self._worst = WorstCase(analyser, price)

    def worst_usd(self, text: str, room: int = 1) -> float:
        """The most that one try can cost."""
        return self._worst.usd(text, room)

    async def send(self, text: str, room: int = 1) -> Try:
        """Send one request. Whatever comes back is an outcome; raises only what cannot be foreseen.

        `room` multiplies `max_tokens`.
        """
        sent_at, began = datetime.now(UTC), time.perf_counter()
        headers: Mapping[str, str] = {}
        try:
            message, headers = await self._request(text, room)
            outcome, more = self._judge.judge(message, text)
        except Exception as error:
            outcome, more = Outcome.FAILED, failure(error)
            if isinstance(error, anthropic.APIStatusError):
                headers = error.response.headers
        more["request_id"] = _request_id(headers)
        attempt = Attempt(outcome, self._analyser.model, sent_at, time.perf_counter() - began, **more)
        maybe_paid = attempt.error in MAYBE_PAID and attempt.cause not in NEVER_SENT
        return Try(attempt, began, read_limits(headers), retry_after(headers), maybe_paid)

    async def _request(self, text: str, room: int) -> tuple[Any, Mapping[str, str]]:
        # not parsed by the SDK: it raises on bad JSON and takes the paid usage with it
        async with asyncio.timeout(LONGEST_TRY_S):
            response = await self._client.send_message(self._analyser.body(text, room))
        return response.json(), response.headers


def failure(error: Exception) -> dict[str, Any]:
    """What an attempt says of a request that failed. Raises what cannot be foreseen."""
    match error:
        case anthropic.APIStatusError():
            code = error.error_code
            return {"error": code if code in ERROR_CODES else f"http_{error.status_code}"}
        case anthropic.APITimeoutError() | TimeoutError():
            return {"error": "timeout", "cause": cause_of(error)}
        case anthropic.APIConnectionError():
            return {"error": "connection", "cause": cause_of(error)}
    if isinstance(error, NOT_THE_SHAPE):
        return {"error": "bad_response"}  # with status 200
    raise error


def _request_id(headers: Mapping[str, str]) -> str | None:
    """As the header says, if it is one word: a gateway may say anything."""
    said = headers.get("request-id", "")
    return said if re.fullmatch(r"[\w-]{1,100}", said, re.ASCII) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, where the headers say so."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        # a date would need this machine's clock to be right
        if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", said := headers.get(name, "")):
            return float(said) / unit
    return None
