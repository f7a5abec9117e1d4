"""Which texts are not worth a call to Claude, and why."""

from __future__ import annotations

from pipeline.records import SkipReason

MIN_WORDS = 3
"""Below, there is no topic to find ("Super", "Très bien"). It is not a neutral choice: of 6000 French app reviews
1177 have under three words and 869 of those give five stars, so that what is left feels worse than the whole.
Hence each skip is counted by reason and kept in the store."""

MAX_CHARACTERS = 20_000
"""Longer ones are a pasted log or a page, not a verbatim. They are skipped, not cut: half a text has another mood."""

DUPLICATE_CHARACTERS = 30
"""Up to here identical texts are written by different people: all 756 exact duplicates in the same 6000 reviews are
under 30 characters ("Super" 68 times). Only longer ones are copies."""


def reason(text: str, *, duplicate: bool) -> SkipReason | None:
    """Why a repaired text is put aside, or None. `duplicate`: another record of the source has the very same text."""
    if _fewer_words(text, MIN_WORDS):
        return SkipReason.TOO_SHORT
    if len(text) > MAX_CHARACTERS:
        return SkipReason.TOO_LONG
    return SkipReason.DUPLICATE if duplicate and len(text) > DUPLICATE_CHARACTERS else None


def _fewer_words(text: str, least: int) -> bool:
    """A word is what stands between blanks and has a letter or a digit: emoji and lone punctuation do not count."""
    words = (part for part in text.split() if any(character.isalnum() for character in part))
    return sum(1 for _, _ in zip(words, range(least), strict=False)) < least
