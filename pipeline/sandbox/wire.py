"""The formats of Claude's Messages API: validates requests and builds responses. Pure functions."""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.records import SANDBOX_MODEL

CHARACTERS_PER_TOKEN = 4
"""The sandbox estimates tokens, rounded up for each part: system, messages, schema, answer. Real counts differ."""

# all fields of the API: unknown ones are refused, as the API does, so that typos show in tests
_FIELDS = frozenset(
    {
        "model",
        "max_tokens",
        "messages",
        "system",
        "output_config",
        "metadata",
        "stop_sequences",
        "stream",
        "service_tier",
        "thinking",
        "tools",
        "tool_choice",
        "cache_control",
        "container",
        "diagnostics",
        "inference_geo",
        "speed",
    }
)
_VERBATIM = re.compile(r"<verbatim>\n?(.*)\n?</verbatim>", re.DOTALL)


class Rejected(Exception):
    """A request that gets an error status; `kind` is the API's name of the error."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


@dataclass(frozen=True, slots=True)
class Question:
    """The content of a valid request."""

    verbatim: str
    max_tokens: int
    input_tokens: int
    schema: Mapping[str, Any] | None
    thinks: bool
    """True unless the request disables thinking, as with claude-haiku-5-5."""

    @property
    def topics(self) -> list[str]:
        """The topics that the schema of the request allows, in its order."""
        fields = (self.schema or {}).get("properties", {})
        return list(fields.get("topics", {}).get("items", {}).get("enum", []))


def authenticate(headers: Mapping[str, str]) -> None:
    """Raises Rejected if the key or the API version is missing. Any key is accepted."""
    if not headers.get("x-api-key") and not headers.get("Authorization"):
        raise Rejected(401, "authentication_error", "x-api-key header is required")
    if not headers.get("anthropic-version"):
        raise _invalid("anthropic-version: header is required")


def question(body: bytes) -> Question:
    """Parse the body of a request. Raises Rejected as the API does: 400, or 404 for an unknown model."""
    request = _object(body)
    for field in ("model", "max_tokens", "messages"):
        if field not in request:
            raise _invalid(f"{field}: Field required")
    for field in request:
        if field not in _FIELDS:
            raise _invalid(f"{field}: Extra inputs are not permitted")
    if request["model"] != SANDBOX_MODEL:
        raise Rejected(
            404, "not_found_error", f"model: {request['model']} (this is a sandbox: ask for {SANDBOX_MODEL!r})"
        )
    if type(request["max_tokens"]) is not int or request["max_tokens"] < 1:
        raise _invalid("max_tokens: Input should be an integer of 1 or more")
    if request.get("stream"):
        raise _invalid("stream: the sandbox does not stream")
    return _question(request)


def tokens(text: str) -> int:
    """The estimated number of tokens of a text."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def new_id(prefix: str) -> str:
    """An id in the format of the API, such as msg_sandbox…"""
    return f"{prefix}_sandbox{secrets.token_hex(9)}"


def message(
    content: str | None, stop_reason: str, input_tokens: int, output_tokens: int, thinking_tokens: int
) -> dict[str, Any]:
    """A message object with a block of thinking if it took tokens, and a block of text unless `content` is None.

    `output_tokens` includes thinking. The sandbox has no prompt cache.
    """
    thinking = [{"type": "thinking", "thinking": "", "signature": "sandbox"}] if thinking_tokens else []
    refusal = {"type": "refusal", "category": None, "explanation": None} if stop_reason == "refusal" else None
    return {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": SANDBOX_MODEL,
        "content": thinking + ([] if content is None else [{"type": "text", "text": content}]),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "stop_details": refusal,
        "usage": {
            "input_tokens": input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"thinking_tokens": thinking_tokens},
            "service_tier": "standard",
        },
    }


def error(kind: str, words: str, request_id: str) -> dict[str, Any]:
    """An error object of the API."""
    return {"type": "error", "error": {"type": kind, "message": words}, "request_id": request_id}


def _object(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise _invalid("The request body is not valid JSON") from None
    if not isinstance(request, dict):
        raise _invalid("The request body must be a JSON object")
    return request


def _question(request: dict[str, Any]) -> Question:
    texts = _messages(request["messages"])
    schema = _schema(request.get("output_config"))
    counted = (
        sum(map(tokens, texts)) + tokens(_text("system", request.get("system") or "")) + _SCHEMA_TOKENS.count(schema)
    )
    thinks = _thinks(request.get("thinking"))
    return Question(_verbatim(texts[-1]), request["max_tokens"], counted, schema, thinks)


def _thinks(thinking: object) -> bool:
    """Whether the model thinks: claude-haiku-5-5 does unless the request disables it."""
    if thinking is None:
        return True
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in ("disabled", "adaptive"):
        raise _invalid("thinking.type: Input should be 'disabled' or 'adaptive'")
    return bool(kind == "adaptive")


class _SchemaTokens:
    """Counts the tokens of schemas.

    Caches the last one: a run always sends the same, and comparing is ten times cheaper than serialising it.
    """

    def __init__(self) -> None:
        self._last: tuple[Mapping[str, Any] | None, int] = (None, 0)

    def count(self, schema: Mapping[str, Any] | None) -> int:
        if schema is None:
            return 0
        # read once: sandboxes in several threads share this cache
        last = self._last
        if schema != last[0]:
            last = schema, tokens(json.dumps(schema, ensure_ascii=False, separators=(",", ":")))
            self._last = last
        return last[1]


_SCHEMA_TOKENS = _SchemaTokens()


def _messages(given: object) -> list[str]:
    if not isinstance(given, list) or not given:
        raise _invalid("messages: at least one message is required")
    for at, one in enumerate(given):
        if not isinstance(one, dict) or one.get("role") not in ("user", "assistant"):
            raise _invalid(f"messages.{at}.role: Input should be 'user' or 'assistant'")
    if given[-1]["role"] != "user":
        raise _invalid("messages: the conversation must end with a user message")
    return [_text(f"messages.{at}.content", one.get("content")) for at, one in enumerate(given)]


def _text(field: str, given: object) -> str:
    """The text of a string or of a list of text blocks. Raises Rejected for anything else."""
    if isinstance(given, str):
        return _encodable(field, given)
    if not isinstance(given, list) or not all(isinstance(block, dict) for block in given):
        raise _invalid(f"{field}: Input should be a string or a list of blocks")
    if not all(block.get("type") == "text" and isinstance(block.get("text"), str) for block in given):
        raise _invalid(f"{field}: the sandbox reads blocks of text alone")
    return _encodable(field, "".join(block["text"] for block in given))


def _encodable(field: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # Python accepts half a surrogate pair in JSON; the API refuses it
        raise _invalid(f"{field}: The request body is not valid JSON: no low surrogate in string") from None
    return text


def _schema(output_config: object) -> Mapping[str, Any] | None:
    if output_config is None:
        return None
    shape = output_config.get("format") if isinstance(output_config, dict) else None
    if shape is None and isinstance(output_config, dict):
        return None
    if not isinstance(shape, dict) or shape.get("type") != "json_schema" or not isinstance(shape.get("schema"), dict):
        raise _invalid("output_config.format: Input should hold type 'json_schema' and a schema")
    schema: dict[str, Any] = shape["schema"]
    if schema.get("additionalProperties") is not False:
        raise _invalid("output_config.format.schema: for 'object' type, 'additionalProperties' must be false")
    return schema


def _verbatim(content: str) -> str:
    found = _VERBATIM.search(content)
    return found[1].removesuffix("\n") if found else content


def _invalid(words: str) -> Rejected:
    return Rejected(400, "invalid_request_error", words)
