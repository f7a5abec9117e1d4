"""The sandbox's mind: a verbatim becomes an answer by fixed rules, the same one each time. It is not Claude."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pipeline.sandbox.lexicon import ENGLISH, FRENCH
from pipeline.sandbox.sentiment import feel
from pipeline.sandbox.themes import THEMES, TOPICS
from pipeline.sandbox.tokenizer import Word, split

LONGEST_READ = 20_000
"""Characters looked at: rules gain nothing from more, and the server answers others meanwhile."""

SUMMARY_WORDS = 30
"""As the answer's contract says."""

_QUOTE_WORDS_AROUND = 3
_NEW_TOPICS = 2
_ENOUGH_WORDS = 8
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")


def analyse(text: str, topics: list[str]) -> dict[str, Any]:
    """The answer to one verbatim, naming only ids out of `topics`. Instructions in the text change nothing."""
    read = text[:LONGEST_READ]
    words = split(read)
    forms = [word.form for word in words]
    return {
        "summary": summary(read),
        "sentiment": feel(forms).sentiment.value,
        "topics": _topics(forms, topics),
        "new_topics": _new_topics(read, words, forms),
    }


def summary(text: str) -> str:
    """The first sentences that fit into 30 words, or the first 30 words of the first."""
    chosen: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        words = sentence.split()
        if chosen and len(chosen) + len(words) > SUMMARY_WORDS:
            break
        chosen += words
        if len(chosen) >= _ENOUGH_WORDS:
            break
    if len(chosen) > SUMMARY_WORDS:
        chosen = [*chosen[: SUMMARY_WORDS - 1], chosen[SUMMARY_WORDS - 1].rstrip(",;:") + "…"]
    return " ".join(chosen) or "(vide)"


def english(forms: Sequence[str]) -> bool:
    """Whether more English than French small words are there; French where neither are."""
    return sum(form in ENGLISH for form in forms) > sum(form in FRENCH for form in forms)


def _topics(forms: Sequence[str], allowed: list[str]) -> list[str]:
    spoken_of = {topic for hit in TOPICS.find(forms) for topic in hit.value}
    return [topic for topic in allowed if topic in spoken_of]


def _new_topics(text: str, words: list[Word], forms: Sequence[str]) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for hit in THEMES.find(forms):
        label, definition = hit.value.en if english(forms) else hit.value.fr
        quote = _quote(text, words, hit.first, hit.last)
        found.setdefault(label, {"label": label, "definition": definition, "quote": quote})
    return list(found.values())[:_NEW_TOPICS]


def _quote(text: str, words: list[Word], first: int, last: int) -> str:
    """The words that name the theme with some on either side, as they stand in the text.

    Taken from blank to blank: cut anywhere else, a combining accent may be lost and the quote not be found again.
    """
    start, end = words[_reach(words, first, -1)].start, words[_reach(words, last - 1, 1)].end
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[start:end]


def _reach(words: list[Word], at: int, step: int) -> int:
    for _ in range(_QUOTE_WORDS_AROUND):
        if not 0 <= at + step < len(words) or not words[at + step].form[0].isalnum():
            break
        at += step
    return at
