"""What an answer of Claude's is worth: its outcome, and what it has cost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.analyse.analyser import Analyser
from pipeline.analyse.answer import Unreadable, parse_answer
from pipeline.analyse.price import Price, Tokens, thinking_tokens
from pipeline.records import Analysis, JsonError, Outcome

MAX_TOKENS = 100_000_000
"""More than any model takes or gives: a count beyond it is no count, and no column would hold it."""


NOT_THE_SHAPE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
"""What judging raises for what has not the API's shape: a gateway's page, a body cut short."""


class Judge:
    """Judges the answers to one analyser's requests, live or out of a batch."""

    def __init__(self, analyser: Analyser, price: Price) -> None:
        self._analyser = analyser
        self._price = price

    def judge(self, message: Any, text: str) -> tuple[Outcome, dict[str, Any]]:
        """The outcome, and the fields of `Attempt` that come of it.

        Raises one of NOT_THE_SHAPE.
        """
        outcome, more = self._judge(message, text)
        return outcome, more | self._paid(message["usage"])

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


def _category(details: Any) -> str | None:
    """The category of a refusal, if it is one word: a gateway may say anything."""
    said = details.get("category") if isinstance(details, dict) else None
    return said if isinstance(said, str) and re.fullmatch(r"[a-z_]{1,40}", said) else None


def _storable(raw: str) -> str:
    """Without what no database takes: half a surrogate pair, and NUL."""
    return raw.encode("utf-8", "replace").decode().replace("\0", "")
