"""Splits a text into words without accents, and finds listed words, stems and phrases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")


class Word(NamedTuple):
    """A word, a run of punctuation or an emoji, with its position in the text."""

    form: str
    """In lower case, without accents and stretched letters ("suuuper" is "super")."""
    start: int
    end: int


class Hit(NamedTuple, Generic[Value]):
    """A listed entry found in the words from `first` to `last`, exclusive."""

    first: int
    last: int
    value: Value


class _Fold(dict[int, str]):
    """Maps each character to exactly one, so that positions are the same in the folded text."""

    def __missing__(self, code: int) -> str:
        plain = (unicodedata.normalize("NFKD", chr(code)).lower() or " ")[0]
        self[code] = "'" if plain in "’`´" else plain
        return self[code]


_FOLD = _Fold()
_TOKEN = re.compile(r"[a-z0-9]+|[.!?;,:\n…]+|[\u2600-\u27bf\U0001f300-\U0001faff]")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_LONGEST_PHRASE = 4


def split(text: str) -> list[Word]:
    """The words, punctuation and emoji of a text in order. Everything else is left out."""
    return [Word(_form(found[0]), *found.span()) for found in _TOKEN.finditer(fold(text))]


def fold(text: str) -> str:
    """The text in lower case and without accents, of the same length."""
    return text.translate(_FOLD)


@lru_cache(maxsize=20_000)
def _form(token: str) -> str:
    return _STRETCHED.sub(r"\1", token) if token.isalpha() else token[:1] if token[0] in ".!?;,:\n…" else token


class Listing(Generic[Value]):
    """Entries to find: "word", "stem*", "two words" or "two word*". The longest phrase is preferred."""

    def __init__(self, entries: Mapping[str, Value]) -> None:
        self._exact = {fold(entry): value for entry, value in entries.items() if not entry.endswith("*")}
        self._stems = {fold(entry[:-1]): value for entry, value in entries.items() if entry.endswith("*")}
        firsts = [entry.split()[0] for entry in (*self._exact, *self._stems) if " " in entry]
        self._opens_phrase = frozenset(firsts)
        # a cache per listing: most words occur thousands of times in a run
        self._look_up_cached = lru_cache(maxsize=20_000)(self._look_up)

    def find(self, forms: Sequence[str]) -> list[Hit[Value]]:
        """All hits from left to right, without overlaps."""
        hits: list[Hit[Value]] = []
        at = 0
        while at < len(forms):
            form = forms[at]
            hit = self._phrase(forms, at) if form in self._opens_phrase else None
            if hit is None and (value := self._look_up_cached(form)) is not None:
                hit = Hit(at, at + 1, value)
            if hit is not None:
                hits.append(hit)
            at = hit.last if hit else at + 1
        return hits

    def _phrase(self, forms: Sequence[str], at: int) -> Hit[Value] | None:
        for length in range(min(_LONGEST_PHRASE, len(forms) - at), 1, -1):
            value = self._look_up(" ".join(forms[at : at + length]))
            if value is not None:
                return Hit(at, at + length, value)
        return None

    def _look_up(self, key: str) -> Value | None:
        if key in self._exact:
            return self._exact[key]
        blanks = key.count(" ")
        for length in range(len(key), 2, -1):
            stem = key[:length]
            # a stem must not match across a word boundary, so both have the same number of words
            if stem in self._stems and stem.count(" ") == blanks:
                return self._stems[stem]
        return None
