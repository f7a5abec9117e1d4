"""Who answers: a model with its prompt, topics, schema and options; what is sent for one verbatim, and its key."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from pipeline.analyse.answer import schema
from pipeline.analyse.price import Tokens
from pipeline.analyse.prompt import Prompt, load_prompt
from pipeline.records import AnalyserRecord, Topic

ADDED_TOKENS = 1000
"""More than the API adds to a request of its own, for the schema and around the messages."""

_FENCE = re.compile(r"[<\ufe64\uff1c](?=[\s/\uff0f\u00ad\u200b-\u200f\u2060\ufeff]*verbatim)", re.IGNORECASE)
"""What opens a mark like ours, also in its wide forms and with invisible characters behind it."""


class Analyser:
    """Everything that decides an answer, and the fixed part of every request that is made of it.

    `max_tokens` is no part of the definition: it limits an answer and does not make another one.
    """

    def __init__(self, record: AnalyserRecord, max_tokens: int) -> None:
        """From what the store keeps, so that an analyser of long ago can be asked again."""
        self.record = record
        definition: dict[str, Any] = json.loads(record.definition)
        self.model = record.model
        self.thinks = definition["thinking"] != "disabled"
        self.topics = frozenset(definition["topics"])
        self._fixed: dict[str, Any] = {
            "model": record.model,
            "max_tokens": max_tokens,
            # cache_control belongs to the system block: on the whole request it would apply to the verbatim
            "system": [
                {"type": "text", "text": definition["instructions"], "cache_control": {"type": "ephemeral"}},
            ],
            "output_config": {"format": {"type": "json_schema", "schema": definition["schema"]}},
        }
        if effort := definition.get("effort"):
            self._fixed["output_config"]["effort"] = effort
        thinking = {"type": definition["thinking"]}
        # `disabled` is left out of the key: answers that were stored before requests said it stay valid
        keyed = self._fixed | ({"thinking": thinking} if self.thinks else {})
        self._hash = hashlib.sha256(json.dumps(keyed, sort_keys=True).encode())
        # always said: claude-haiku-5-5 thinks when a request is silent, and bills two to five times the price
        self._fixed["thinking"] = thinking
        self._fixed_bytes = len(json.dumps(self._fixed, ensure_ascii=False).encode())
        self._heads: dict[int, bytes] = {}

    def request(self, text: str, room: int = 1) -> dict[str, Any]:
        """The body for one verbatim: data between two marks, never an instruction.

        `room` multiplies the longest answer.
        """
        max_tokens = self._fixed["max_tokens"] * room
        return {**self._fixed, "max_tokens": max_tokens, "messages": [{"role": "user", "content": _delimited(text)}]}

    def body(self, text: str, room: int = 1) -> bytes:
        """`request(text, room)` as JSON; all but the text is encoded once."""
        if room not in self._heads:
            head = _json({**self._fixed, "max_tokens": self._fixed["max_tokens"] * room})
            self._heads[room] = head.removesuffix(b"}") + b',"messages":[{"role":"user","content":'
        return self._heads[room] + _json(_delimited(text)) + b"}]}"

    def most_tokens(self, text: str, room: int = 1) -> Tokens:
        """More than the request can take and its answer can give: no token is shorter than a byte.

        Rounded up, so that few sizes have to be priced.
        """
        sent = self._fixed_bytes + len(_delimited(text).encode("utf-8", "surrogatepass")) + ADDED_TOKENS
        return Tokens(0, -(-sent // 100) * 100, 0, self._fixed["max_tokens"] * room)

    def key(self, text: str) -> str:
        """SHA-256 over all of `request(text)` that decides the answer: two verbatims with one key are one question."""
        whole = self._hash.copy()
        whole.update(_delimited(text).encode("utf-8", "surrogatepass"))
        return whole.hexdigest()


def define(
    model: str, topics: Sequence[Topic], thinking: str = "disabled", effort: str = "", prompt: Prompt | None = None
) -> AnalyserRecord:
    """An analyser; without a prompt, of the one that ships.

    `thinking` is `disabled` or `adaptive`: the model decides how much. `effort` is empty where the request leaves it to
    the model.
    """
    ids, prompt = [topic.id for topic in topics], prompt or load_prompt(None)
    definition = {
        "model": model,
        "thinking": thinking,
        "prompt": prompt.version,
        "instructions": prompt.with_topics(_listed(topics)),
        "topics": ids,
        "schema": schema(ids),
        # absent where it is not set: the fingerprints of analysers that were defined before stay
        **({"effort": effort} if effort else {}),
    }
    text = json.dumps(definition, sort_keys=True, ensure_ascii=False)
    return AnalyserRecord(hashlib.sha256(text.encode()).hexdigest()[:32], model, prompt.version, text)


def _listed(topics: Sequence[Topic]) -> str:
    return "\n".join(f"- {topic.id} — {topic.fr} — {topic.en}" for topic in topics)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _delimited(text: str) -> str:
    """A text that holds our own mark cannot close it: its bracket becomes another character."""
    return f"<verbatim>\n{_FENCE.sub('‹', text)}\n</verbatim>"
