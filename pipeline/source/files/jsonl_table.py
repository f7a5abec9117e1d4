"""Reads JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pipeline.records import BrokenRecord
from pipeline.source.files.decoding import MAX_LINE, Lines, not_utf8
from pipeline.source.files.table import Row, Table, of_objects


def read_jsonl(lines: Lines, name: str) -> Table:
    """The table of a file. Raises InputError if no line of the sample is an object."""
    return of_objects(_records(lines), lambda: lines.characters, f"{name}: no line is a JSON object")


def _records(lines: Lines) -> Iterator[Row]:
    for line in lines:
        if line is None:
            yield BrokenRecord(lines.number, f"a line of over {MAX_LINE:,} characters")
        elif line.strip():
            value = _object(line)
            yield BrokenRecord(lines.number, value) if isinstance(value, str) else (lines.number, value)


def _object(line: str) -> Mapping[str, object] | str:
    """The object of a line, or its problem."""
    if not_utf8(line):
        return "not UTF-8"
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return "not JSON"
    return value if isinstance(value, dict) else "not a JSON object"
