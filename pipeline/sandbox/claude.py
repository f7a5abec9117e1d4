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

TIMEOUT_FAULT_S = 120.0
"""How long a `timeout` fault waits before it closes the connection; clients give up much earlier."""

JITTER = 0.2
"""Latency varies by up to this share in either direction; the same text has the same latency."""

MIN_THINKING, MAX_THINKING = 200, 2000
"""Tokens of thinking. claude-haiku-5-5 takes some 500 for most texts, up to 2000."""

_STATUS_FAULTS = {
    Fault.RATE_LIMITED: (429, "rate_limit_error", "This request would exceed your rate limit (sandbox fault)"),
    Fault.OVERLOADED: (529, "overloaded_error", "Overloaded (sandbox fault)"),
    Fault.ERROR: (500, "api_error", "Internal server error (sandbox fault)"),
}

_INVENTED_TOPIC = {
    "label": "Thème inventé",
    "definition": "Personne n'en parle.",
    "quote": "« inventé par le sandbox »",
}


@dataclass(frozen=True, slots=True)
class BilledAnswer:
    """An answer with status 200, which is billed."""

    content: str | None
    stop_reason: str
    outcome: Outcome
    thinking_tokens: int = 0


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
    """Answers requests. `faults` are shares by kind, from `faults.parse`."""

    def __init__(self, latency_s: float, faults: Mapping[str, float], seed: int, billed: Billed | None) -> None:
        self._latency_s, self._faults, self._seed, self._billed = latency_s, faults, seed, billed
        self._requests: Counter[str] = Counter()
        self._limits = Limits()

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """Handle a request: authenticate, validate, wait for the latency, then answer or fail."""
        request_id = wire.new_id("req")
        try:
            wire.authenticate(request.headers)
            return await self._answer(wire.question(await request.read()), request, request_id)
        except wire.Rejected as rejected:
            return self._failed(rejected.status, rejected.kind, str(rejected), request_id)

    async def _answer(self, asked: wire.Question, request: web.Request, request_id: str) -> web.StreamResponse:
        digest = hashlib.sha256(asked.verbatim.encode()).hexdigest()
        times = self._requests[digest]
        self._requests[digest] += 1
        fault = choose(self._faults, self._seed, asked.verbatim, times)
        if fault is Fault.TIMEOUT:
            return await _time_out(request)
        await asyncio.sleep(self._latency_s * (1 + JITTER * (2 * draw("latency", digest) - 1)))
        if fault in _STATUS_FAULTS:
            return self._failed(*_STATUS_FAULTS[fault], request_id)
        variant = draw(self._seed, digest, times, "variant")
        return self._paid(
            asked, _choose_answer(asked, fault, variant, _thinking_tokens(asked, digest)), digest, request_id
        )

    def _paid(self, asked: wire.Question, answer: BilledAnswer, digest: str, request_id: str) -> web.Response:
        thinking = answer.thinking_tokens
        output_tokens = max(1, thinking + wire.tokens(answer.content or ""))
        self._limits.spend(asked.input_tokens, output_tokens)
        if self._billed is not None:
            paid = {"input_tokens": asked.input_tokens, "output_tokens": output_tokens, "thinking_tokens": thinking}
            line = {"request_id": request_id, "text_sha256": digest, **paid, "outcome": answer.outcome.value}
            self._billed.add(line)
        message = wire.message(answer.content, answer.stop_reason, asked.input_tokens, output_tokens, thinking)
        return web.json_response(message, headers={"request-id": request_id, **self._limits.headers()})

    def _failed(self, status: int, kind: str, words: str, request_id: str) -> web.Response:
        headers = {"request-id": request_id, **self._limits.headers()}
        if status == 429:
            headers["retry-after"] = "1"
        return web.json_response(wire.error(kind, words, request_id), status=status, headers=headers)


def _thinking_tokens(asked: wire.Question, digest: str) -> int:
    """Tokens of thinking, the same for the same text. Half of the texts take fewer than 425, a quarter over 900."""
    if not asked.thinks:
        return 0
    return round(MIN_THINKING + (MAX_THINKING - MIN_THINKING) * draw("thinking", digest) ** 3)


def _choose_answer(asked: wire.Question, fault: Fault | None, variant: float, thinking: int) -> BilledAnswer:
    """The answer to send. Thinking counts towards `max_tokens` and comes first, so it can leave no room for text."""
    if fault is Fault.EMPTY:
        return BilledAnswer(None, "end_turn", Outcome.EMPTY, min(thinking, asked.max_tokens))
    if fault is Fault.REFUSED:
        return BilledAnswer(None, "refusal", Outcome.REFUSED, min(thinking, asked.max_tokens))
    room = asked.max_tokens - thinking
    content = _content(asked)
    if room <= 0:
        return BilledAnswer(None, "max_tokens", Outcome.TRUNCATED, asked.max_tokens)
    if fault is Fault.TRUNCATED:
        return BilledAnswer(content[: len(content) // 2], "max_tokens", Outcome.TRUNCATED, thinking)
    if fault is Fault.UNREADABLE:
        # without a schema there is no JSON to alter, so only the first variant is possible
        broken = _unreadable(content, variant if asked.schema else 0.0)
        return BilledAnswer(broken, "end_turn", Outcome.UNREADABLE, thinking)
    if wire.tokens(content) > room:
        return BilledAnswer(content[: room * wire.CHARACTERS_PER_TOKEN], "max_tokens", Outcome.TRUNCATED, thinking)
    return BilledAnswer(content, "end_turn", Outcome.ANALYSED, thinking)


def _content(asked: wire.Question) -> str:
    """JSON with the fields of the request's schema, or plain text without a schema."""
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
    """The answer broken in one of three ways: invalid JSON, another shape, a quote that is not in the text."""
    if variant < 1 / 3:
        return f"Voici l'analyse demandée :\n{content[:-1]},"
    answer = json.loads(content)
    if variant < 2 / 3:
        answer = {"analysis": answer, "sentiment": "enthousiaste"}
    else:
        answer["new_topics"] = [_INVENTED_TOPIC]
    return json.dumps(answer, ensure_ascii=False)


async def _time_out(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(TIMEOUT_FAULT_S)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=504)
