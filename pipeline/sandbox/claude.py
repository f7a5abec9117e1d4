"""The sandbox's Messages API and list of models: Claude's wire format, answers by rules, faults on request."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from pipeline.sandbox import models, wire
from pipeline.sandbox.answers import choose_answer
from pipeline.sandbox.cache import PromptCache
from pipeline.sandbox.faults import STATUSES, Fault, choose, draw
from pipeline.sandbox.limits import Clock, LimitExceeded, Limits
from pipeline.sandbox.noise import TokenNoise

TIMEOUT_FAULT_S = 120.0
"""How long a `timeout` fault waits before it closes the connection; clients give up much earlier."""

JITTER = 0.2
"""Latency varies by up to this share in either direction; the same text has the same latency."""

_PAGE = "<!DOCTYPE html><html><body><h1>Gateway</h1><p>This is not Claude's API (sandbox fault).</p></body></html>"


class Billed:
    """A file with a JSON line per billed answer, to compare with the cost that a client has computed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, line: Mapping[str, Any]) -> None:
        """Append in a single write, so that lines of several processes do not mix and a kill loses none."""
        os.write(self._file, (json.dumps(line) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Claude:
    """Answers requests.

    `faults` are shares by kind, from `faults.parse`; `limits` are per minute, from `limits.parse_limits`.
    `clock` gives seconds for the limits and the cache. `noise` makes billed tokens differ from counted ones.
    `drift` are shares by sentiment, from `drift.parse_drift`.
    """

    def __init__(
        self,
        latency_s: float,
        faults: Mapping[str, float],
        seed: int,
        billed: Billed | None,
        limits: Mapping[str, float] | None = None,
        cache: bool = True,
        clock: Clock = time.monotonic,
        noise: TokenNoise | None = None,
        drift: Mapping[str, float] | None = None,
    ) -> None:
        self._latency_s, self._faults, self._seed, self._billed = latency_s, faults, seed, billed
        self._requests: Counter[str] = Counter()
        self._limits, self._counting_limits = Limits(limits, clock), Limits(None, clock)
        self._cache = PromptCache(cache, clock)
        self._noise = noise or TokenNoise(0.0, seed)
        self._drift = drift or {}

    def routes(self) -> list[web.RouteDef]:
        """All routes."""
        return [
            web.post("/v1/messages", self.messages),
            web.post("/v1/messages/count_tokens", self.count_tokens),
            web.get("/v1/models", self.models),
            web.get("/v1/models/{model}", self.models),
        ]

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """Handle a request: authenticate, validate, check the limits, wait for the latency, then answer or fail."""
        request_id = wire.new_id("req")
        try:
            wire.authenticate(request.headers)
            asked = wire.question(await request.read())
            _admit(self._limits, self._cache.look_up(asked).not_read)
            return await self._answered(asked, request, request_id)
        except wire.Rejected as rejected:
            return failed(rejected, request_id, self._limits.headers())

    async def count_tokens(self, request: web.Request) -> web.Response:
        """Count the input tokens of a request. Costs nothing and has limits of its own."""
        request_id = wire.new_id("req")
        try:
            wire.authenticate(request.headers)
            counted = wire.counted_tokens(await request.read())
            _admit(self._counting_limits, 0)
        except wire.Rejected as rejected:
            return failed(rejected, request_id, self._counting_limits.headers())
        headers = {"request-id": request_id, **self._counting_limits.headers()}
        return web.json_response({"input_tokens": counted}, headers=headers)

    async def models(self, request: web.Request) -> web.Response:
        """The list of models, or the one that the path names."""
        request_id, model = wire.new_id("req"), request.match_info.get("model")
        try:
            wire.authenticate(request.headers)
            body = models.listed() if model is None else models.retrieved(model)
        except wire.Rejected as rejected:
            return failed(rejected, request_id)
        return web.json_response(body, headers={"request-id": request_id})

    def answer(
        self, asked: wire.Question, digest: str, fault: Fault | None = None, variant: float = 0.0
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The message that answers a question, and its line for the bill, which has no request_id yet.

        `digest` is that of the verbatim. The prompt cache takes part. Neither waits, nor writes the bill, nor takes
        from the limits.
        """
        given = choose_answer(asked, digest, fault, variant, self._drift)
        used = self._cache.use(self._noise.asked(asked, digest))
        output, thinking = self._noise.output(given, digest, asked.max_tokens)
        line = {
            "text_sha256": digest,
            "input_tokens": used.total,
            "cache_write_tokens": used.cache_write,
            "cache_read_tokens": used.cache_read,
            "output_tokens": output,
            "thinking_tokens": thinking,
            "outcome": given.outcome.value,
        }
        return wire.message(given.content, given.stop_reason, used, output, thinking, given.category), line

    async def _answered(self, asked: wire.Question, request: web.Request, request_id: str) -> web.StreamResponse:
        digest = digest_of(asked)
        times = self._requests[digest]
        self._requests[digest] += 1
        fault = choose(self._faults, self._seed, asked.verbatim, times)
        if fault is Fault.TIMEOUT:
            return await _time_out(request)
        if fault is Fault.BROKEN:
            return _abort(request)
        await asyncio.sleep(self._latency_s * (1 + JITTER * (2 * draw("latency", digest) - 1)))
        if fault is Fault.NOT_JSON:
            return web.Response(text=_PAGE, content_type="text/html")
        if fault in STATUSES:
            raise _rejected(fault)
        paid = self._paid(asked, digest, request_id, fault, draw(self._seed, digest, times, "variant"))
        return await _time_out(request) if fault is Fault.PAID_TIMEOUT else paid

    def _paid(
        self, asked: wire.Question, digest: str, request_id: str, fault: Fault | None, variant: float
    ) -> web.Response:
        message, line = self.answer(asked, digest, fault, variant)
        self._limits.spend(line["output_tokens"])
        if self._billed is not None:
            self._billed.add({"request_id": request_id, **line})
        return web.json_response(message, headers={"request-id": request_id, **self._limits.headers()})


def digest_of(asked: wire.Question) -> str:
    """What identifies the text of a question in the bill."""
    return hashlib.sha256(asked.verbatim.encode()).hexdigest()


def failed(rejected: wire.Rejected, request_id: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The response to a request that is rejected."""
    headers = {"request-id": request_id, **(headers or {})}
    if rejected.retry_after_s is not None:
        headers["retry-after"] = str(rejected.retry_after_s)
    body = wire.error(rejected.kind, str(rejected), request_id, rejected.code)
    return web.json_response(body, status=rejected.status, headers=headers)


def _admit(limits: Limits, input_tokens: int) -> None:
    """Take a request from the limits. Raises Rejected if one of them refuses it."""
    try:
        limits.admit(input_tokens)
    except LimitExceeded as error:
        raise wire.Rejected(429, "rate_limit_error", str(error), retry_after_s=error.retry_after_s) from None


def _rejected(fault: Fault) -> wire.Rejected:
    status = STATUSES[fault]
    words = f"{status.words} (sandbox fault)"
    return wire.Rejected(status.status, status.kind, words, status.code, status.retry_after_s)


async def _time_out(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(TIMEOUT_FAULT_S)
    return _abort(request)


def _abort(request: web.Request) -> web.Response:
    """Close the connection, so that the returned response is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=504)
