"""Decodes a file or stdin into lines. Binary formats are refused before anything is read."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import cast

from pipeline.errors import InputError

MAX_LINE = 10_000_000
"""Characters. A longer line is not a verbatim but a file without line ends, and would fill the memory."""

HEAD = 65_536
"""Bytes examined to tell text from binary formats."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MAGIC = {
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF-": "a PDF",
}
# `surrogateescape` decodes each invalid byte to one of these lone surrogates
_ESCAPED = re.compile(r"[\udc80-\udcff]")
_OTHER = re.compile(r"[^\x00-\x7f\udc80-\udcff]")

OLDER: Mapping[str, str] = MappingProxyType(
    {"cp1252": "Windows-1252", "mac_roman": "Mac Roman", "cp850": "DOS, code page 850"}
)
"""Encodings of the time before UTF-8 that files still come in, with their usual names."""

_SAMPLE = 1_000_000
_USUAL = frozenset("àâäáãçéèêëíîïñóôöõúùûüœæßÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŒ’‘“”«»–—…€°\u00a0")
_SMALL_IN_WORD = re.compile("(?<=[a-z])[à-öø-ÿœ]")
_CAPITAL_IN_WORD = re.compile("(?<=[a-zà-öø-ÿ])[À-ÖØ-ÞŸŒ]")


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
    """The name of the encoding: UTF-8, UTF-16, or an older one if `legacy` and most beyond ASCII is not UTF-8."""
    first = next(chunks, b"")
    if first.startswith(_UTF16):
        return "utf-16"
    if not legacy:
        return "utf-8-sig"
    valid, invalid, sample = _count(first, chunks)
    return _older(sample) if invalid > valid else "utf-8-sig"


def _count(first: bytes, rest: Iterator[bytes]) -> tuple[int, int, bytes]:
    """The numbers of valid UTF-8 characters beyond ASCII and of invalid bytes, and some bytes around the latter."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    valid = invalid = 0
    sample = b""
    for chunk in chain((first,), rest):
        text = decoder.decode(chunk)
        if not text.isascii():
            broken = len(_ESCAPED.findall(text))
            valid, invalid = valid + len(_OTHER.findall(text)), invalid + broken
            sample += chunk if broken and len(sample) < _SAMPLE else b""
    return valid, invalid, sample


def _older(sample: bytes) -> str:
    """The encoding whose letters stand where letters do.

    Tried on 1900 real French reviews, one at a time: Windows-1252 and Mac Roman 99.9 % right, code page 850 74 %.
    charset-normalizer took four of six texts in code page 850 for another one, whole files too.
    """
    return max(OLDER, key=lambda name: _likely(sample.decode(name, "replace")))


def _likely(text: str) -> int:
    usual = sum(1 if character in _USUAL else -2 for character in _OTHER.findall(text))
    return usual + 2 * len(_SMALL_IN_WORD.findall(text)) - 3 * len(_CAPITAL_IN_WORD.findall(text))


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

    @property
    def text(self) -> io.TextIOWrapper:
        """The characters, for formats without lines."""
        return self._text

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
