"""What is sent to Claude for one verbatim, and the key by which the same request is recognised."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pipeline.analyse.answer import schema
from pipeline.analyse.topics import Topic

VERSION = "analyse_v1"
"""Stored with every answer. A changed prompt is a new file and a new version."""

_FENCE = re.compile(r"<(?=\s*/?\s*verbatim)", re.IGNORECASE)


class Prompt:
    """The fixed part of every request: model, thinking, instructions, topics and schema."""

    def __init__(self, model: str, max_tokens: int, topics: tuple[Topic, ...], thinking: str = "disabled") -> None:
        """`thinking` is `disabled` or `adaptive`: the model decides how much."""
        self.model = model
        self.thinks = thinking != "disabled"
        self.version = VERSION
        self.topics = frozenset(topic.id for topic in topics)
        self._fixed: dict[str, Any] = {
            "model": model,
            "max_tokens": max_tokens,
            # the marker stands on the system block: on the whole request it would land on the verbatim
            "system": [{"type": "text", "text": _instructions(topics), "cache_control": {"type": "ephemeral"}}],
            "output_config": {
                "format": {"type": "json_schema", "schema": schema([topic.id for topic in topics])},
            },
        }
        # `disabled` is left out of the key: answers that were stored before requests said it stay valid
        keyed = self._fixed | ({"thinking": {"type": thinking}} if self.thinks else {})
        self._hash = hashlib.sha256(json.dumps(keyed, sort_keys=True).encode())
        # always said: claude-haiku-5-5 thinks when a request is silent, and bills two to five times the price
        self._fixed["thinking"] = {"type": thinking}

    def request(self, text: str, room: int = 1) -> dict[str, Any]:
        """The body for one verbatim: data between two marks, never an instruction.

        `room` multiplies the longest answer.
        """
        max_tokens = self._fixed["max_tokens"] * room
        return {**self._fixed, "max_tokens": max_tokens, "messages": [{"role": "user", "content": _delimited(text)}]}

    def key(self, text: str) -> str:
        """SHA-256 over all of `request(text)` that decides the answer: two verbatims with one key are one question."""
        whole = self._hash.copy()
        whole.update(_delimited(text).encode("utf-8", "surrogatepass"))
        return whole.hexdigest()


def _instructions(topics: tuple[Topic, ...]) -> str:
    template = (Path(__file__).parent / "prompts" / f"{VERSION}.md").read_text(encoding="utf-8")
    listed = "\n".join(f"- {topic.id} — {topic.fr} — {topic.en}" for topic in topics)
    return template.replace("{topics}", listed)


def _delimited(text: str) -> str:
    """A text that holds our own mark cannot close it: its bracket becomes another character."""
    return f"<verbatim>\n{_FENCE.sub('‹', text)}\n</verbatim>"
