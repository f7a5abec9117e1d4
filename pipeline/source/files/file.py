"""Reads verbatims from a CSV or JSON Lines file, or from stdin."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InputError, TransientError
from pipeline.records import BrokenRecord, Review
from pipeline.source import fields
from pipeline.source.files.columns import Columns, resolve
from pipeline.source.files.csv_table import read_csv
from pipeline.source.files.decoding import HEAD, Lines, Pushed, encoding, refuse_binary
from pipeline.source.files.jsonl_table import read_jsonl
from pipeline.source.files.table import Table
from pipeline.source.history import NO_HISTORY, CrawlHistory
from pipeline.source.source import Prepare, unchanged

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

MAX_SOURCES = 100
"""Different values of `source` in one input. Each one adds a series to every metric."""

MAX_LABEL = 100
"""Characters of a source label."""


class File:
    """One file, or stdin for `-`. The constructor raises InputError for a file that cannot be read at all.

    `source` labels all records; without it they have the label of their column `source`, or the file's name.
    `language` applies to records that do not state theirs. Fewer verbatims than `expected` are an error.
    A file may be read several times, stdin only once. Memory is constant, apart from 100 bytes per record if ids are
    made from the content.
    """

    _format: str
    _encoding: str

    def __init__(
        self,
        path: str,
        columns: Columns | None = None,
        stdin: BinaryIO | None = None,
        *,
        source: str | None = None,
        language: str | None = None,
        expected: int | None = None,
    ) -> None:
        self._language, self._expected = language, expected
        self._path = None if path == "-" else Path(path)
        self._file = "stdin" if self._path is None else fields.plain(self._path.name)
        self.name = source or self._file
        self._labelled = source is not None
        self._label = source or ("stdin" if self._path is None else fields.plain(self._path.stem)[:MAX_LABEL])
        self.guesses: list[str] = []
        self._once: Table | None = None
        wanted = columns or Columns()
        if self._path is None:
            table = self._once = self._open_stdin(stdin or _stdin())
            self._columns, guesses = resolve(wanted, table.names, self._file)
        else:
            self._format = _format(self._path, self._file)
            self._columns, guesses = self._check(self._path, wanted)
        self.guesses += guesses

    def reviews(
        self, history: CrawlHistory = NO_HISTORY, prepare: Prepare = unchanged
    ) -> Iterator[Review | BrokenRecord]:
        """All records in the order of the file. Raises InputError for too few, TransientError for a failing disk."""
        try:
            if self._path is None:
                yield from self._read(self._take_stdin(), prepare)
                return
            with self._lines(self._path.open("rb")) as lines:
                yield from self._read(self._table(lines), prepare)
        except OSError as error:
            raise TransientError(
                f"{self._file}: reading stopped ({error.strerror}); run the same command again"
            ) from error

    def finish(self, history: CrawlHistory = NO_HISTORY) -> list[str]:
        """No warnings and no history: a file is read completely every time."""
        return []

    def _check(self, path: Path, wanted: Columns) -> tuple[Columns, list[str]]:
        try:
            if path.exists() and not path.is_file() and not path.is_dir():
                # opening a named pipe would block until another process writes to it
                raise InputError(f"{self._file}: not a regular file")
            with path.open("rb") as stream:
                refuse_binary(stream.read(HEAD), self._file)
                stream.seek(0)
                self._decide_encoding(iter(lambda: stream.read(HEAD), b""))
            with self._lines(path.open("rb")) as lines:
                return resolve(wanted, self._table(lines).names, self._file)
        except (OSError, ValueError) as error:  # ValueError: the path contains NUL
            reason = getattr(error, "strerror", None) or "no such path"
            raise InputError(f"{self._file}: cannot be opened ({reason})") from error

    def _open_stdin(self, stream: BinaryIO) -> Table:
        head = stream.read(HEAD)
        refuse_binary(head, self._file)
        # CSV until the first character says otherwise; JSON Lines is always UTF-8, so its encoding is not guessed
        self._format = "csv"
        self._decide_encoding(iter([head]))
        if head.decode(self._encoding, "replace").lstrip().startswith("{"):
            self._format, self._encoding, self.guesses = "jsonl", self._encoding.replace("cp1252", "utf-8-sig"), []
        return self._table(self._lines(io.BufferedReader(Pushed(head, stream))))

    def _decide_encoding(self, chunks: Iterator[bytes]) -> None:
        self._encoding = encoding(chunks, legacy=self._format != "jsonl")
        if self._encoding == "cp1252":
            self.guesses.append("encoding: Windows-1252 (guessed, since it is not UTF-8; save as UTF-8 to be sure)")

    def _lines(self, stream: io.BufferedReader) -> Lines:
        return Lines(stream, self._encoding, newline="\n" if self._format == "jsonl" else "")

    def _table(self, lines: Lines) -> Table:
        if self._format == "jsonl":
            return read_jsonl(lines, self._file)
        return read_csv(lines, self._file, "\t" if self._format == "tsv" else None)

    def _take_stdin(self) -> Table:
        table, self._once = self._once, None
        if table is None:
            raise InputError("stdin can be read only once")
        return table

    def _read(self, table: Table, prepare: Prepare) -> Iterator[Review | BrokenRecord]:
        reader = FileReader(self._columns, self._label, self._language, labelled=self._labelled)
        total = found = 0
        for row in table.records:
            record = row if isinstance(row, BrokenRecord) else reader.review(*row)
            total, found = total + 1, found + isinstance(record, Review)
            yield prepare(record) if isinstance(record, Review) else record
        if not total or (self._expected is not None and found < self._expected):
            wanted = f", where {self._expected} are expected" if self._expected else ""
            raise InputError(f"{self._file}: holds {found or 'no'} verbatims{wanted}")


class FileReader:
    """Turns the rows of a file into reviews. Keeps the labels seen and the ids made, so use one per pass."""

    def __init__(self, columns: Columns, label: str, language: str | None, *, labelled: bool) -> None:
        self._columns, self._label, self._language, self._labelled = columns, label, language, labelled
        self._sources: set[str] = set()
        self._ids = fields.ContentIds()

    def review(self, position: int, record: Mapping[str, object]) -> Review | BrokenRecord:
        text = record.get(self._columns.text or "")
        if text is not None and not isinstance(text, str):
            return BrokenRecord(position, "text is not a string")
        text = fields.plain(text or "")
        if not text.strip():
            return BrokenRecord(position, "no text")
        source = self._source(record)
        if source is None:
            return BrokenRecord(
                position, f"more than {MAX_SOURCES} different values of source; it is a label for charts"
            )
        return self._with_id(position, record, source, text)

    def _source(self, record: Mapping[str, object]) -> str | None:
        value = None if self._labelled else record.get("source")
        label = " ".join(fields.plain(value).split()) if isinstance(value, str) and len(value) <= MAX_LABEL else ""
        # an @ is probably an e-mail address, and labels are public: they become series of metrics
        label = label if label and "@" not in label else self._label
        if label not in self._sources and len(self._sources) == MAX_SOURCES:
            return None
        self._sources.add(label)
        return label

    def _with_id(self, position: int, record: Mapping[str, object], source: str, text: str) -> Review | BrokenRecord:
        rating = fields.rating(self._value(record, self._columns.rating))
        written = fields.written_at(self._value(record, self._columns.date))
        language = fields.language(self._value(record, self._columns.language)) or self._language
        if self._columns.id is None:
            external_id: str | None = self._ids.give(source, text, rating, written, language)
        else:
            external_id = fields.external_id(record.get(self._columns.id))
        if external_id is None:
            return BrokenRecord(position, "no id")
        return Review(source, external_id, text, position, None, rating, language, written)

    @staticmethod
    def _value(record: Mapping[str, object], column: str | None) -> object:
        return None if column is None else record.get(column)


def _format(path: Path, name: str) -> str:
    format = FORMATS.get(path.suffix.lower())
    if format is None:
        raise InputError(f"{name}: reads files that end in {', '.join(FORMATS)} (or - for stdin)")
    return format


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise InputError("standard input is closed; give a file, or pipe something in")
    return sys.stdin.buffer
