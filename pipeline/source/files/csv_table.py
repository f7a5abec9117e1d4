"""Reads CSV: guesses the delimiter from the header, and recovers after a quote that is never closed."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from itertools import chain

from pipeline.errors import InputError
from pipeline.records import BrokenRecord
from pipeline.source.files.decoding import MAX_LINE, Lines, not_utf8
from pipeline.source.files.table import Row, Table

DELIMITERS = ",;\t|"

MAX_RECORD = 1_000_000
"""Characters of a record that spans several lines. A longer one has a quote that was never closed."""

MAX_REREAD = 100_000_000
"""Characters that may be read again after broken quotes, per file. Without a limit a hostile file is quadratic."""

# the csv module refuses fields above 131,072 characters by default
csv.field_size_limit(MAX_LINE)


class _RecordTooLong(Exception):
    """A line of the record is above MAX_LINE, or its lines together are above MAX_RECORD."""


def read_csv(lines: Lines, name: str, delimiter: str | None) -> Table:
    """The table of a file. Raises InputError if the header or the first record is missing."""
    source = iter(lines)
    header, delimiter = _header(source, name, delimiter)
    rows = _Rows(chain([header], source), lines.number - 1, delimiter).parse_rows()
    names = next(rows)
    if isinstance(names, BrokenRecord):
        raise InputError(f"{name}: the header cannot be read ({names.problem})")
    records = _records([column.strip() for column in names[1]], rows)
    first = next(records, None)
    if first is None:
        raise InputError(f"{name}: a header, but no record")
    return Table([column.strip() for column in names[1]], chain([first], records))


def _header(lines: Iterator[str | None], name: str, delimiter: str | None) -> tuple[str, str]:
    """The first line that is not blank, and the delimiter, which Excel may write above it as `sep=;`."""
    for line in lines:
        if line is None:
            raise InputError(f"{name}: the header is a line of over {MAX_LINE:,} characters")
        if declared := re.fullmatch(r"sep=([,;\t|])\s*", line):
            delimiter = delimiter or declared[1]
        elif line.strip():
            return line, delimiter or guess_delimiter(line)
    raise InputError(f"{name}: empty")


def guess_delimiter(header: str) -> str:
    """The delimiter that stands most often outside of quotes."""
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=outside_quotes.count)


def _records(names: list[str], rows: Iterator[tuple[int, list[str]] | BrokenRecord]) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, BrokenRecord):
            yield row
        elif len(row[1]) != len(names):
            yield BrokenRecord(row[0], f"{len(row[1])} fields instead of {len(names)}")
        elif any(not_utf8(field) for field in row[1]):
            yield BrokenRecord(row[0], "not UTF-8")
        else:
            yield row[0], dict(zip(names, row[1], strict=True))


class _Rows:
    """Rows with the line they start on.

    Quotes are parsed strictly: the lenient mode of the csv module merges two reviews into one after a broken quote.
    """

    def __init__(self, lines: Iterator[str | None], line: int, delimiter: str) -> None:
        self._source = lines
        self._to_reread: deque[str] = deque()
        self._record: list[str] = []
        self._line, self._size = line, 0
        self._delimiter = delimiter
        self._reread = 0

    def parse_rows(self) -> Iterator[tuple[int, list[str]] | BrokenRecord]:
        """The rows, and a broken record for each that cannot be parsed. Blank lines are skipped."""
        while True:
            start, self._record, self._size = self._line + 1, [], 0
            try:
                # a new reader for each record: after an error a reader keeps half of the record
                row = next(csv.reader(self._lines(), delimiter=self._delimiter, strict=True), None)
            except (csv.Error, _RecordTooLong) as error:
                yield self._resume_after(start, "quotes out of place" if self._record else str(error))
            else:
                if row is None:
                    return
                if row:
                    yield start, row

    def _lines(self) -> Iterator[str]:
        for line in chain(self._lines_to_reread(), self._source):
            self._line += 1
            if line is None:
                raise _RecordTooLong(f"a line of over {MAX_LINE:,} characters")
            self._record.append(line)
            self._size += len(line)
            if self._size > MAX_RECORD and len(self._record) > 1:
                raise _RecordTooLong
            yield line

    def _lines_to_reread(self) -> Iterator[str]:
        while self._to_reread:
            yield self._to_reread.popleft()

    def _resume_after(self, start: int, problem: str) -> BrokenRecord:
        """Continue with the line after the first one of the broken record, unless MAX_REREAD is used up."""
        swallowed = self._record[1:]
        size = sum(map(len, swallowed))
        if self._reread + size > MAX_REREAD:
            return BrokenRecord(start, f"{problem}, {len(swallowed)} lines after it lost")
        self._reread += size
        self._to_reread.extendleft(reversed(swallowed))
        self._line -= len(swallowed)
        return BrokenRecord(start, problem)
