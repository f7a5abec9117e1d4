"""The common form of files in any format: names of columns, and records with the line they start on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from pipeline.errors import InputError
from pipeline.records import BrokenRecord

SAMPLE = 100
"""Records whose keys make up the columns: most records may lack an optional key."""

SAMPLE_RECORDS = 10_000
SAMPLE_CHARACTERS = 20_000_000
"""Limits of the sample, which is kept in memory."""

Row = tuple[int, Mapping[str, object]] | BrokenRecord
"""Line number from 1, and value by name of the column."""


@dataclass(frozen=True, slots=True)
class Table:
    """An opened file."""

    names: list[str]
    records: Iterator[Row]
    """Can be iterated once."""
    note: str = ""
    """What a report says behind the name of the format."""


def of_objects(rows: Iterator[Row], characters: Callable[[], int], nothing: str) -> Table:
    """A table of records with keys, whose columns are the keys of the first ones.

    `characters` says how many were read so far. Raises InputError with `nothing` if no record of the sample is
    readable.
    """
    sample: list[Row] = []
    names: dict[str, None] = {}
    readable = 0
    for row in rows:
        sample.append(row)
        if not isinstance(row, BrokenRecord):
            names.update(dict.fromkeys(row[1]))
            readable += 1
        if readable == SAMPLE or len(sample) == SAMPLE_RECORDS or characters() > SAMPLE_CHARACTERS:
            break
    if not readable:
        raise InputError(nothing if sample else f"{nothing.split(':')[0]}: no record")
    return Table(list(names), chain(sample, rows))
