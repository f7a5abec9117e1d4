"""Reads a text file with one verbatim per line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pipeline.errors import InputError
from pipeline.records import BrokenRecord
from pipeline.source.files.decoding import MAX_LINE, Lines, not_utf8
from pipeline.source.files.table import Row, Table


def read_text(lines: Lines, name: str) -> Table:
    """The table of a file, with the one column `text`. Raises InputError if there is no line."""
    records = _records(lines)
    first = next(records, None)
    if first is None:
        raise InputError(f"{name}: empty")
    return Table(["text"], chain([first], records))


def _records(lines: Lines) -> Iterator[Row]:
    for line in lines:
        if line is None:
            yield BrokenRecord(lines.number, f"a line of over {MAX_LINE:,} characters")
        elif not_utf8(line):
            yield BrokenRecord(lines.number, "not UTF-8")
        elif line.strip():
            yield lines.number, {"text": line.strip()}
