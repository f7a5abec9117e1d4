"""The formats of Claude's Messages API: validates requests and builds responses. Pure functions."""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.records import SANDBOX_MODEL

CHARACTERS_PER_TOKEN = 4
"""The sandbox estimates tokens, rounded up for each part: system, messages, schema, answer. Real counts differ."""

# all fields of the API: unknown ones are refused, as the API does, so that typos show in tests
_COUNTED_FIELDS = frozenset(
    {
        "model",
        "messages",
        "system",
        "output_config",
        "thinking",
        "tools",
        "tool_choice",
        "cache_control",
        "speed",
    }
)
_FIELDS = _COUNTED_FIELDS | {
    "max_tokens",
    "metadata",
    "stop_sequences",
    "stream",
    "service_tier",
    "container",
    "diagnostics",
    "inference_geo",
}
EFFORTS = ("low", "medium", "high", "xhigh", "max")
_EXAMPLES = re.compile(r"^[ \t]*<examples>[ \t\r]*$", re.MULTILINE)
_VERBATIM = re.compile(r"<verbatim>\n?(.*)\n?</verbatim>", re.DOTALL)


class Rejected(Exception):
    """A request that gets an error status; `kind` is the API's name of the error, `code` that of its cause."""

    def __init__(
        self, status: int, kind: str, message: str, code: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.code, self.retry_after_s = status, kind, code, retry_after_s


@dataclass(frozen=True, slots=True)
class InputTokens:
    """The input tokens of an answer by price. Their sum does not depend on the cache."""

    plain: int
    cache_write: int = 0
    cache_read: int = 0
    ttl: str = "5m"
    """How long what was written stays in the cache: 5m or 1h."""

    @property
    def total(self) -> int:
        """All input tokens."""
        return self.plain + self.cache_write + self.cache_read

    @property
    def not_read(self) -> int:
        """Those that count towards the limit of input tokens."""
        return self.plain + self.cache_write


@dataclass(frozen=True, slots=True)
class Question:
    """The content of a valid request."""

    verbatim: str
    max_tokens: int
    input_tokens: int
    schema: Mapping[str, Any] | None
    thinks: bool
    """True unless the request disables thinking, as with claude-haiku-5-5."""
    effort: str
    """One of EFFORTS; medium if the request has none."""
    prefix: Prefix | None
    """What the request asks to cache, if it does."""
    has_examples: bool
    """Whether a line of the system text is `<examples>`, the beginning of a section of examples."""

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
    return question_of(parse_object(body))


def question_of(request: Mapping[str, Any]) -> Question:
    """The question of a request that is parsed already. Raises Rejected as `question` does."""
    _check_fields(request, ("model", "max_tokens", "messages"), _FIELDS)
    if type(request["max_tokens"]) is not int or request["max_tokens"] < 1:
        raise _invalid("max_tokens: Input should be an integer of 1 or more")
    if request.get("stream"):
        raise _invalid("stream: the sandbox does not stream")
    return _question(request)


def counted_tokens(body: bytes) -> int:
    """The input tokens of the body of a request to count tokens. Raises Rejected as `question` does."""
    request = parse_object(body)
    _check_fields(request, ("model", "messages"), _COUNTED_FIELDS)
    return _question({**request, "max_tokens": 1}).input_tokens


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a body that has to be a JSON object. Raises Rejected if it is not."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise _invalid("The request body is not valid JSON") from None
    if not isinstance(request, dict):
        raise _invalid("The request body must be a JSON object")
    return request


def unknown_model(model: object) -> Rejected:
    """The error on a model that the sandbox does not have."""
    return Rejected(404, "not_found_error", f"model: {model} (this is a sandbox: ask for {SANDBOX_MODEL!r})")


def tokens(text: str) -> int:
    """The estimated number of tokens of a text."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def new_id(prefix: str) -> str:
    """An id in the format of the API, such as msg_sandbox…"""
    return f"{prefix}_sandbox{secrets.token_hex(9)}"


def message(
    content: str | None,
    stop_reason: str,
    used: InputTokens,
    output_tokens: int,
    thinking_tokens: int,
    category: str | None = None,
) -> dict[str, Any]:
    """A message object with a block of thinking if it took tokens, and a block of text unless `content` is None.

    `output_tokens` includes thinking. `category` is that of a refusal.
    """
    thinking = [{"type": "thinking", "thinking": "", "signature": "sandbox"}] if thinking_tokens else []
    refusal = {"type": "refusal", "category": category, "explanation": None} if stop_reason == "refusal" else None
    return {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": SANDBOX_MODEL,
        "content": thinking + ([] if content is None else [{"type": "text", "text": content}]),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "stop_details": refusal,
        "usage": _usage(used, output_tokens, thinking_tokens),
    }


def _usage(used: InputTokens, output_tokens: int, thinking_tokens: int) -> dict[str, Any]:
    written = {"5m": 0, "1h": 0, used.ttl: used.cache_write}
    return {
        "input_tokens": used.plain,
        "cache_creation_input_tokens": used.cache_write,
        "cache_read_input_tokens": used.cache_read,
        "cache_creation": {f"ephemeral_{ttl}_input_tokens": count for ttl, count in written.items()},
        "output_tokens": output_tokens,
        "output_tokens_details": {"thinking_tokens": thinking_tokens},
        "service_tier": "standard",
    }


def error(kind: str, words: str, request_id: str, code: str | None = None) -> dict[str, Any]:
    """An error object of the API; `code` tells the cause where the type alone does not."""
    details = {} if code is None else {"details": {"error_code": code}}
    return {"type": "error", "error": {"type": kind, "message": words, **details}, "request_id": request_id}


def _check_fields(request: Mapping[str, Any], required: Sequence[str], allowed: Collection[str]) -> None:
    for field in required:
        if field not in request:
            raise _invalid(f"{field}: Field required")
    for field in request:
        if field not in allowed:
            raise _invalid(f"{field}: Extra inputs are not permitted")
    if request["model"] != SANDBOX_MODEL:
        raise unknown_model(request["model"])


def _question(request: Mapping[str, Any]) -> Question:
    texts = _messages(request["messages"])
    schema = _schema(request.get("output_config"))
    system = tokens(_text("system", request.get("system") or ""))
    of_schema = _SCHEMA_TOKENS.count(schema)
    return Question(
        _verbatim(texts[-1]),
        request["max_tokens"],
        sum(map(tokens, texts)) + system + of_schema,
        schema,
        _thinks(request.get("thinking")),
        _effort(request.get("output_config")),
        _PREFIXES.of(request, of_schema),
        _has_examples(request.get("system") or ""),
    )


def _has_examples(system: str | list[Mapping[str, Any]]) -> bool:
    texts = [system] if isinstance(system, str) else [block["text"] for block in system]
    return any(_EXAMPLES.search(text) for text in texts)


def _effort(output_config: object) -> str:
    effort = output_config.get("effort") if isinstance(output_config, dict) else None
    if effort is None:
        return "medium"
    if effort not in EFFORTS:
        raise _invalid(f"output_config.effort: Input should be one of {', '.join(EFFORTS)}")
    return str(effort)


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


@dataclass(frozen=True, slots=True)
class Prefix:
    """The part of a request before its messages, up to the last block marked with cache_control."""

    key: str
    """The same for the same model, system text, output_config and thinking."""
    tokens: int
    ttl: str
    """How long the request wants it cached: 5m or 1h."""


class _Prefixes:
    """Finds the prefix of requests. Keeps the last one, for the reason of _SchemaTokens."""

    def __init__(self) -> None:
        self._last: tuple[tuple[Any, ...], Prefix | None] = ((), None)

    def of(self, request: Mapping[str, Any], schema_tokens: int) -> Prefix | None:
        parts = tuple(request.get(name) for name in ("model", "system", "output_config", "thinking"))
        last = self._last
        if parts != last[0]:
            last = parts, _prefix(parts, schema_tokens)
            self._last = last
        return last[1]


_PREFIXES = _Prefixes()


def _prefix(parts: tuple[Any, ...], schema_tokens: int) -> Prefix | None:
    model, system, *rest = parts
    if not isinstance(system, list):
        return None
    marked = [at for at, block in enumerate(system) if block.get("cache_control") is not None]
    if not marked:
        return None
    ttls = [_ttl(f"system.{at}.cache_control", system[at]["cache_control"]) for at in marked]
    text = "".join(block["text"] for block in system[: marked[-1] + 1])
    key = hashlib.sha256(json.dumps([model, text, *rest], sort_keys=True).encode()).hexdigest()
    return Prefix(key, tokens(text) + schema_tokens, ttls[-1])


def _ttl(field: str, cache_control: object) -> str:
    """The time to live of a cache_control: 5m if it has none."""
    if not isinstance(cache_control, dict) or cache_control.get("type") != "ephemeral":
        raise _invalid(f"{field}.type: Input should be 'ephemeral'")
    ttl = cache_control.get("ttl", "5m")
    if ttl not in ("5m", "1h"):
        raise _invalid(f"{field}.ttl: Input should be '5m' or '1h'")
    return str(ttl)


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
