"""Decides the format of an input, by its ending or its first characters, and opens it as a table."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from pipeline.source.files.columns import is_known_name, is_text_name
from pipeline.source.files.csv_table import guess_delimiter, read_csv
from pipeline.source.files.decoding import HEAD, OLDER, Lines, encoding, refuse_binary
from pipeline.source.files.json_table import lists_of_objects, read_json
from pipeline.source.files.jsonl_table import read_jsonl
from pipeline.source.files.opening import Input
from pipeline.source.files.sheet_table import OLE, ZIP, read_sheet
from pipeline.source.files.table import Table
from pipeline.source.files.text_table import read_text

NAMES = {
    "csv": "CSV",
    "tsv": "TSV",
    "jsonl": "JSON Lines",
    "json": "JSON",
    "text": "one verbatim a line",
    "sheet": "sheet",
}


class Format:
    """How an input is read. Raises InputError for one that cannot be read at all."""

    def __init__(self, given: Input) -> None:
        self._input = given
        self._note = ""
        with given.open() as stream:
            head = stream.read(HEAD)
            self.kind = _kind(given, head)
            self.encoding = "utf-8-sig"
            if self.kind != "sheet":
                refuse_binary(head, given.name)
                chunks = iter(lambda: stream.read(HEAD), b"")
                self.encoding = encoding(_chain(head, chunks), legacy=self.kind != "jsonl")

    def __str__(self) -> str:
        usual = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", **OLDER}
        return NAMES[self.kind] + (f", {usual[self.encoding]}" if self.kind != "sheet" else self._note)

    @contextmanager
    def table(self) -> Iterator[Table]:
        """The table of the input, read from its start."""
        name = self._input.name
        with self._input.open() as stream:
            if self.kind == "sheet":
                table = read_sheet(stream, name)
                self._note = table.note
                yield table
                return
            newline = "\n" if self.kind in ("jsonl", "json") else ""
            with Lines(cast(io.BufferedIOBase, stream), self.encoding, newline) as lines:
                yield self._of_lines(lines, name)

    def _of_lines(self, lines: Lines, name: str) -> Table:
        if self.kind == "jsonl":
            return read_jsonl(lines, name)
        if self.kind == "json":
            return read_json(lines.text, name)
        if self.kind == "text":
            return read_text(lines, name)
        return read_csv(lines, name, "\t" if self.kind == "tsv" else None)


def _kind(given: Input, head: bytes) -> str:
    if head.startswith((ZIP, OLE)):
        return "sheet"
    start = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace").lstrip()
    if given.suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if given.suffix == ".json" or (not given.suffix and start.startswith(("{", "["))):
        return "jsonl" if start[:1] != "[" and _is_jsonl(start.split("\n"), otherwise=not given.suffix) else "json"
    if given.suffix == ".txt":
        return "csv" if _is_header(start.split("\n", 1)[0]) else "text"
    return "tsv" if given.suffix == ".tsv" else "csv"


def _is_jsonl(lines: list[str], *, otherwise: bool) -> bool:
    """Whether the first line is an object of its own; `otherwise` for one that is longer than what is looked at."""
    more = any(line.strip() for line in lines[1:])
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        # a broken line among others, or an object over several lines
        return any(line.lstrip().startswith("{") for line in lines[1:2]) if more else otherwise
    return isinstance(first, dict) and (more or not lists_of_objects(first))


def _is_header(line: str) -> bool:
    """Whether a line names columns. "Message, livraison et prix parfaits" is a verbatim."""
    names = [name.strip("\r\n").strip('"') for name in line.strip().split(guess_delimiter(line))]
    return (
        len(names) > 1
        and any(is_text_name(name) for name in names)
        # a word behind a blank goes on with a sentence
        and all(is_known_name(name) or re.fullmatch(r"[^\W\d]\w*", name) for name in names)
    )


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest
