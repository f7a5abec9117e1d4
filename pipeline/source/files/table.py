"""The common form of files in any format: names of columns, and records with the line they start on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.records import BrokenRecord


@dataclass(frozen=True, slots=True)
class Table:
    """An opened file."""

    names: list[str]
    records: Iterator[tuple[int, Mapping[str, object]] | BrokenRecord]
    """Line number from 1, and fields by name. Can be iterated once."""
