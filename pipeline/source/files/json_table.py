"""Reads a JSON file that is one list of objects or several, or one object with such a list in it.

Positions count the objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from pipeline.errors import InputError
from pipeline.records import BrokenRecord
from pipeline.source.files.decoding import MAX_LINE, not_utf8
from pipeline.source.files.table import Row, Table, of_objects

MAX_DOCUMENT = 100_000_000
"""Characters of an object that holds the list: it is parsed as a whole. A list alone has no limit."""

_CHUNK = 1 << 16
_DECODER = json.JSONDecoder()


def read_json(text: TextIO, name: str) -> Table:
    """The table of a file. Raises InputError if it holds no list of objects, or several."""
    reader = _List(text) if _first(text) == "[" else None
    rows = reader.rows() if reader else iter(_only_list(text, name))
    return of_objects(rows, lambda: reader.characters if reader else 0, f"{name}: no JSON object in its list")


def _first(text: TextIO) -> str:
    """Skip blanks and return the first character, which stays unread unless it is a bracket."""
    start = text.tell()
    while (character := text.read(1)).isspace():
        start = text.tell()
    if character != "[":
        text.seek(start)
    return character


def lists_of_objects(document: dict[str, Any]) -> list[list[Any]]:
    """The lists in an object that hold objects."""
    values = document.values()
    return [value for value in values if isinstance(value, list) and any(isinstance(one, dict) for one in value)]


def _only_list(text: TextIO, name: str) -> list[Row]:
    document = _document(text, name)
    lists = lists_of_objects(document)
    if len(lists) > 1:
        raise InputError(f"{name}: {len(lists)} lists of objects in it; save the reviews as one JSON list")
    return [_row(number, value) for number, value in enumerate(lists[0] if lists else [document], 1)]


def _document(text: TextIO, name: str) -> dict[str, Any]:
    content = text.read(MAX_DOCUMENT + 1)
    if len(content) > MAX_DOCUMENT:
        raise InputError(f"{name}: over {MAX_DOCUMENT:,} characters in one object; save it as a list or as JSON Lines")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError(f"{name}: not JSON; a list of objects or JSON Lines is needed") from None
    if not isinstance(document, dict):
        raise InputError(f"{name}: neither a list of JSON objects nor JSON Lines")
    return document


class _List:
    """The elements of a list, one at a time: a large file need not fit into memory."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._rest = ""
        self.characters = 0

    def rows(self) -> Iterator[Row]:
        number = 0
        while self._skip_to_next():
            number += 1
            try:
                value = self._element()
            except (ValueError, RecursionError):
                # nobody knows where the next element begins
                yield BrokenRecord(number, "not JSON, and everything behind it is lost")
                return
            yield _row(number, value)
        if self._rest:
            yield BrokenRecord(number + 1, "behind the list stands what is no list, and all of it is lost")

    def _skip_to_next(self) -> bool:
        """Whether another element begins in `_rest`, of this list or of one behind it; then nothing else is left."""
        while self._skip(" \t\r\n,"):
            if not self._rest.startswith("]"):
                return True
            self._rest = self._rest[1:]
            # several exports, one written behind the other
            if not self._skip(" \t\r\n") or not self._rest.startswith("["):
                return False
            self._rest = self._rest[1:]
        return False

    def _skip(self, characters: str) -> bool:
        """Whether anything is left behind these characters."""
        while True:
            self._rest = self._rest.lstrip(characters)
            if self._rest or not self._more():
                return bool(self._rest)

    def _element(self) -> Any:
        while True:
            try:
                value, end = _DECODER.raw_decode(self._rest)
                # a number may go on in the next chunk
                if end < len(self._rest) or isinstance(value, dict | list | str):
                    self._rest = self._rest[end:]
                    return value
            except json.JSONDecodeError:
                if len(self._rest) > MAX_LINE:
                    raise
            if not self._more(len(self._rest)):
                raise ValueError("the list ends within an element")

    def _more(self, least: int = 0) -> bool:
        """Read on, more each time: an element is parsed anew whenever it turns out to be longer."""
        chunk = self._text.read(max(_CHUNK, least))
        self._rest += chunk
        self.characters += len(chunk)
        return bool(chunk)


def _row(number: int, value: object) -> Row:
    if not isinstance(value, dict):
        return BrokenRecord(number, "not a JSON object")
    if any(isinstance(one, str) and not_utf8(one) for one in (*value, *value.values())):
        return BrokenRecord(number, "not UTF-8")
    return number, value
