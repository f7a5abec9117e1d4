"""Decides which texts are not sent to Claude."""

from __future__ import annotations

import re

from pipeline.records import COPIES_FROM, SkipReason

MIN_WORDS = 3
"""Shorter texts have no topic ("Super", "Très bien"). Skipping them is not neutral: of 6000 French app reviews, 1177
have fewer than three words, and 869 of those give five stars, so the rest is more negative than the whole.
Hence skips are counted by reason and kept in the store."""

MAX_CHARACTERS = 20_000
"""Longer texts are pasted logs or pages. They are skipped, not cut: half a text may have another sentiment."""

_UNSPACED = (
    r"\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    r"\u3041-\u309f\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Hiragana and Katakana
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
)
# Scripts without blanks: two letters count as a word, and an odd last one too. So five letters are three words:
# "电池不耐用" (the battery does not last) passes, "非常好用" (very handy) does not. One call too many costs less than
# a complaint that nobody reads. Marks above and below letters are not counted.
_WORD = re.compile(
    rf"(?=[^\W_])(?:[{_UNSPACED}](?:(?![^\W_])[{_UNSPACED}])*+(?:(?=[^\W_])[{_UNSPACED}])?|[^\s{_UNSPACED}]++)"
)


def reason(text: str, *, duplicate: bool) -> SkipReason | None:
    """Why a repaired text is skipped, or None. `duplicate`: another record of the source has the same text."""
    if not text:
        return SkipReason.NO_TEXT
    if _fewer_words(text, MIN_WORDS):
        return SkipReason.TOO_SHORT
    if len(text) > MAX_CHARACTERS:
        return SkipReason.TOO_LONG
    return SkipReason.DUPLICATE if duplicate and len(text) >= COPIES_FROM else None


def _fewer_words(text: str, least: int) -> bool:
    """Whether a text has fewer words than `least`. Emoji and punctuation alone are not words."""
    # zip stops after `least` words: a long text is not counted to its end
    return sum(1 for _ in zip(range(least), _WORD.finditer(text), strict=False)) < least
