"""Reads JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain

from pipeline.errors import InputError
from pipeline.records import BrokenRecord
from pipeline.source.files.decoding import MAX_LINE, Lines, not_utf8
from pipeline.source.files.table import Table

SAMPLE = 100
"""Readable lines whose keys make up the columns: most records may lack an optional key."""

SAMPLE_LINES = 10_000
SAMPLE_CHARACTERS = 20_000_000
"""Limits of the sample, which is kept in memory since stdin cannot be read twice."""


def read_jsonl(lines: Lines, name: str) -> Table:
    """The table of a file. Raises InputError if no line of the sample is an object."""
    records = _records(lines)
    sample: list[tuple[int, Mapping[str, object]] | BrokenRecord] = []
    names: dict[str, None] = {}
    readable = 0
    for record in records:
        sample.append(record)
        if not isinstance(record, BrokenRecord):
            names.update(dict.fromkeys(record[1]))
            readable += 1
        if readable == SAMPLE or len(sample) == SAMPLE_LINES or lines.characters > SAMPLE_CHARACTERS:
            break
    if not readable:
        what = "no line is a JSON object (one object a line, no list around them)" if sample else "no record"
        raise InputError(f"{name}: {what}")
    return Table(list(names), chain(sample, records))


def _records(lines: Lines) -> Iterator[tuple[int, Mapping[str, object]] | BrokenRecord]:
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
