"""The sandbox's `POST /v1/messages`: Claude's wire format, answered by fixed rules, with faults on request."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from pipeline.records import Outcome
from pipeline.sandbox import wire
from pipeline.sandbox.analyst import analyse, summary
from pipeline.sandbox.faults import Fault, choose, draw
from pipeline.sandbox.limits import Limits

LONGEST_SILENCE_S = 120.0
"""How long a `timeout` fault says nothing before it hangs up; clients here give up well before."""

JITTER = 0.2
"""Latency varies by text up to this share either way, the same for the same text."""

LEAST_THINKING, MOST_THINKING = 200, 2000
"""Tokens of thinking; most texts take some 500, as was seen of claude-haiku-5-5."""

_STATUS_FAULTS = {
    Fault.RATE_LIMITED: (429, "rate_limit_error", "This request would exceed your rate limit (sandbox fault)"),
    Fault.OVERLOADED: (529, "overloaded_error", "Overloaded (sandbox fault)"),
    Fault.ERROR: (500, "api_error", "Internal server error (sandbox fault)"),
}

_MADE_UP = {"label": "Thème inventé", "definition": "Personne n'en parle.", "quote": "« inventé par le sandbox »"}


@dataclass(frozen=True, slots=True)
class Given:
    """A paid answer: what is sent with status 200."""

    content: str | None
    stop_reason: str
    outcome: Outcome
    thinking_tokens: int = 0


class Billed:
    """A file of one JSON line per paid answer, for comparing with what a client believes it paid."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, line: Mapping[str, Any]) -> None:
        """Append in a single write, so that lines of several processes never mix and a kill loses none."""
        os.write(self._file, (json.dumps(line) + "\n").encode())

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)


class Claude:
    """Answers messages. `faults` are shares by kind, as `faults.parse` gives them."""

    def __init__(self, latency_s: float, faults: Mapping[str, float], seed: int, billed: Billed | None) -> None:
        self._latency_s, self._faults, self._seed, self._billed = latency_s, faults, seed, billed
        self._asked: Counter[str] = Counter()
        self._limits = Limits()

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """The handler: authenticate, validate, wait as a model would, answer or fail."""
        request_id = wire.new_id("req")
        try:
            wire.authenticate(request.headers)
            return await self._answer(wire.question(await request.read()), request, request_id)
        except wire.Rejected as rejected:
            return self._failed(rejected.status, rejected.kind, str(rejected), request_id)

    async def _answer(self, asked: wire.Question, request: web.Request, request_id: str) -> web.StreamResponse:
        digest = hashlib.sha256(asked.verbatim.encode()).hexdigest()
        times = self._asked[digest]
        self._asked[digest] += 1
        fault = choose(self._faults, self._seed, asked.verbatim, times)
        if fault is Fault.TIMEOUT:
            return await _silence(request)
        await asyncio.sleep(self._latency_s * (1 + JITTER * (2 * draw("latency", digest) - 1)))
        if fault in _STATUS_FAULTS:
            return self._failed(*_STATUS_FAULTS[fault], request_id)
        variant = draw(self._seed, digest, times, "variant")
        return self._paid(asked, _given(asked, fault, variant, _thinking_tokens(asked, digest)), digest, request_id)

    def _paid(self, asked: wire.Question, given: Given, digest: str, request_id: str) -> web.Response:
        thinking = given.thinking_tokens
        output_tokens = max(1, thinking + wire.tokens(given.content or ""))
        self._limits.spend(asked.input_tokens, output_tokens)
        if self._billed is not None:
            paid = {"input_tokens": asked.input_tokens, "output_tokens": output_tokens, "thinking_tokens": thinking}
            line = {"request_id": request_id, "text_sha256": digest, **paid, "outcome": given.outcome.value}
            self._billed.add(line)
        message = wire.message(given.content, given.stop_reason, asked.input_tokens, output_tokens, thinking)
        return web.json_response(message, headers={"request-id": request_id, **self._limits.headers()})

    def _failed(self, status: int, kind: str, words: str, request_id: str) -> web.Response:
        headers = {"request-id": request_id, **self._limits.headers()}
        if status == 429:
            headers["retry-after"] = "1"
        return web.json_response(wire.error(kind, words, request_id), status=status, headers=headers)


def _thinking_tokens(asked: wire.Question, digest: str) -> int:
    """The same for the same text; half of them stay under 425, one in four passes 900."""
    if not asked.thinks:
        return 0
    return round(LEAST_THINKING + (MOST_THINKING - LEAST_THINKING) * draw("thinking", digest) ** 3)


def _given(asked: wire.Question, fault: Fault | None, variant: float, thinking: int) -> Given:
    """Thinking comes first, and all that is said counts towards `max_tokens`."""
    if fault is Fault.EMPTY:
        return Given(None, "end_turn", Outcome.EMPTY, min(thinking, asked.max_tokens))
    if fault is Fault.REFUSED:
        return Given(None, "refusal", Outcome.REFUSED, min(thinking, asked.max_tokens))
    room = asked.max_tokens - thinking
    content = _content(asked)
    if room <= 0:
        return Given(None, "max_tokens", Outcome.TRUNCATED, asked.max_tokens)
    if fault is Fault.TRUNCATED:
        return Given(content[: len(content) // 2], "max_tokens", Outcome.TRUNCATED, thinking)
    if fault is Fault.UNREADABLE:
        # words without a schema have no contract to break: they are broken as text
        broken = _unreadable(content, variant if asked.schema else 0.0)
        return Given(broken, "end_turn", Outcome.UNREADABLE, thinking)
    if wire.tokens(content) > room:
        return Given(content[: room * wire.CHARACTERS_PER_TOKEN], "max_tokens", Outcome.TRUNCATED, thinking)
    return Given(content, "end_turn", Outcome.ANALYSED, thinking)


def _content(asked: wire.Question) -> str:
    """JSON with the fields of the request's schema; plain words where none was sent."""
    if asked.schema is None:
        return f"(sandbox) {summary(asked.verbatim)}"
    answer = analyse(asked.verbatim, asked.topics)
    unknown = set(asked.schema.get("required", [])) - set(answer)
    if unknown:
        words = f"output_config.format.schema: the sandbox has no answer for {', '.join(sorted(unknown))}"
        raise wire.Rejected(400, "invalid_request_error", words)
    return json.dumps(
        {name: answer[name] for name in asked.schema.get("properties", {}) if name in answer}, ensure_ascii=False
    )


def _unreadable(content: str, variant: float) -> str:
    """One of three ways to break the contract: not JSON, another shape, a quote that nobody wrote."""
    if variant < 1 / 3:
        return f"Voici l'analyse demandée :\n{content[:-1]},"
    answer = json.loads(content)
    if variant < 2 / 3:
        answer = {"analysis": answer, "sentiment": "enthousiaste"}
    else:
        answer["new_topics"] = [_MADE_UP]
    return json.dumps(answer, ensure_ascii=False)


async def _silence(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(LONGEST_SILENCE_S)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=504)
