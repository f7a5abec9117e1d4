"""Decodes a file or stdin into lines. Binary formats are refused before anything is read."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, cast

from pipeline.errors import InputError

MAX_LINE = 10_000_000
"""Characters. A longer line is not a verbatim but a file without line ends, and would fill the memory."""

HEAD = 65_536
"""Bytes examined to tell text from binary formats."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MAGIC = {
    b"PK\x03\x04": "a ZIP or Excel file; save it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel file; save it as CSV",
    b"\x1f\x8b": "compressed; unpack it first",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF-": "a PDF",
}
# `surrogateescape` decodes each invalid byte to one of these lone surrogates
_ESCAPED = re.compile(r"[\udc80-\udcff]")
_OTHER = re.compile(r"[^\x00-\x7f\udc80-\udcff]")


class Pushed(io.RawIOBase):
    """A stream with its first bytes put back. stdin cannot be rewound after they were examined."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._head[: len(buffer)] or self._rest.read(len(buffer)) or b""
        self._head = self._head[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def refuse_binary(head: bytes, name: str) -> None:
    """Raises InputError if the file is empty or binary."""
    if not head:
        raise InputError(f"{name}: empty")
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise InputError(f"{name}: not text but {what}")
    if b"\0" in head and not head.startswith(_UTF16):
        raise InputError(f"{name}: not text (it holds NUL bytes)")


def encoding(chunks: Iterator[bytes], *, legacy: bool) -> str:
    """The name of the encoding: UTF-8, UTF-16, or cp1252 if `legacy` and most of the text beyond ASCII is not UTF-8."""
    first = next(chunks, b"")
    if first.startswith(_UTF16):
        return "utf-16"
    if not legacy:
        return "utf-8-sig"
    valid, invalid = _count(first, chunks)
    return "cp1252" if invalid > valid else "utf-8-sig"


def _count(first: bytes, rest: Iterator[bytes]) -> tuple[int, int]:
    """The numbers of valid UTF-8 characters beyond ASCII, and of invalid bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    valid = invalid = 0
    for chunk in chain((first,), rest):
        text = decoder.decode(chunk)
        if not text.isascii():
            valid, invalid = valid + len(_OTHER.findall(text)), invalid + len(_ESCAPED.findall(text))
    return valid, invalid


def not_utf8(text: str) -> bool:
    """Whether a decoded text contains bytes that were invalid UTF-8."""
    return _ESCAPED.search(text) is not None


class Lines:
    """Physical lines with their line ends, or None for a line longer than `MAX_LINE`."""

    def __init__(self, stream: io.BufferedIOBase, encoding: str, newline: str) -> None:
        # invalid UTF-8 becomes lone surrogates, so that the record with them is reported and not the whole file
        errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
        self._text = io.TextIOWrapper(cast(io.BufferedReader, stream), encoding, errors, newline=newline)
        self.number = 0
        """Number of the last line, from 1."""
        self.characters = 0
        """Read so far."""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def __iter__(self) -> Iterator[str | None]:
        while line := self._text.readline(MAX_LINE + 1):
            self.number += 1
            self.characters += len(line)
            if len(line) <= MAX_LINE:
                yield line
            else:
                self._skip(line)
                yield None

    def _skip(self, line: str) -> None:
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(MAX_LINE)
