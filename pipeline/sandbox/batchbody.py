"""Reads the body of a new batch one request at a time, because it may have 256 MB."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from pipeline.sandbox.wire import Rejected

MAX_REQUESTS = 100_000
MAX_BODY = 256_000_000
"""Bytes; Claude's API says 256 MB."""

_MAX_REQUEST = 32 * 1024 * 1024
"""Characters of one request, the limit of the Messages API. It bounds the memory that a body can take."""

_CHUNK = 64 * 1024

_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def invalid(words: str) -> Rejected:
    """The error for a request with status 400."""
    return Rejected(400, "invalid_request_error", words)


def requests_in(body: TextIO) -> Iterator[tuple[str, str]]:
    """The custom id and the params (JSON) of each request. Raises Rejected, also in the middle of the body."""
    count = 0
    try:
        for count, request in enumerate(_elements(_Json(body)), start=1):
            if count > MAX_REQUESTS:
                raise invalid(f"requests: List should have at most {MAX_REQUESTS} items")
            yield _request(count - 1, request)
    except UnicodeDecodeError:
        raise _no_json() from None
    if not count:
        raise invalid("requests: List should have at least 1 item")


def _request(at: int, given: Any) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise invalid(f"requests.{at}: Input should be an object")
    for field in ("custom_id", "params"):
        if field not in given:
            raise invalid(f"requests.{at}.{field}: Field required")
    for field in given.keys() - {"custom_id", "params"}:
        raise invalid(f"requests.{at}.{field}: Extra inputs are not permitted")
    custom_id, params = given["custom_id"], given["params"]
    if not isinstance(custom_id, str) or not _CUSTOM_ID.fullmatch(custom_id):
        raise invalid(f"requests.{at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    if not isinstance(params, dict):
        raise invalid(f"requests.{at}.params: Input should be an object")
    return custom_id, json.dumps(params, separators=(",", ":"))


def _elements(body: _Json) -> Iterator[Any]:
    """The elements of the array `requests`, the only field of the body."""
    body.expect("{")
    if body.next() == "}":
        raise invalid("requests: Field required")
    field = body.value()
    if field != "requests":
        raise invalid(f"{field}: Extra inputs are not permitted")
    body.expect(":")
    if body.next() != "[":
        raise invalid("requests: Input should be a valid list")
    yield from _array(body)
    if body.next() == ",":
        raise invalid("The request body may have no field but requests")
    body.expect("}")
    if body.next():
        raise _no_json()


def _array(body: _Json) -> Iterator[Any]:
    body.expect("[")
    if body.next() != "]":
        yield body.value()
    while body.next() == ",":
        body.expect(",")
        yield body.value()
    body.expect("]")


class _Json:
    """JSON of which only a part is in memory."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text, self._at = "", 0
        self._decode = json.JSONDecoder().raw_decode

    def next(self) -> str:
        """The next character that is not white space, without taking it. Empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_on():
                return ""

    def expect(self, character: str) -> None:
        """Take a character. Raises Rejected if another one comes."""
        if self.next() != character:
            raise _no_json()
        self._at += 1

    def value(self) -> Any:
        """Take a value. Raises Rejected if it is not JSON or too long."""
        self.next()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except (ValueError, RecursionError):
                end = len(self._text)  # perhaps the rest is missing
                if len(self._text) - self._at > _MAX_REQUEST or not self._read_on():
                    raise _no_json() from None
                continue
            # a number may go on in the part that has not been read
            if end == len(self._text) and self._read_on():
                continue
            self._at = end
            return value

    def _read_on(self) -> bool:
        """Read as much again as there is, so that a long value is not decoded too often. False at the end."""
        rest = self._text[self._at :]
        more = self._file.read(max(_CHUNK, len(rest)))
        self._text, self._at = rest + more, 0
        return bool(more)


def _no_json() -> Rejected:
    return invalid("The request body is not valid JSON")
