"""Answers for the sandbox, by fixed rules: the same verbatim always gets the same answer. No model is used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pipeline.sandbox.lexicon import ENGLISH, FRENCH
from pipeline.sandbox.sentiment import feel
from pipeline.sandbox.themes import THEMES, TOPICS
from pipeline.sandbox.tokenizer import Word, split

MAX_CHARACTERS = 20_000
"""Longer texts are cut: the rules gain nothing, and would block the server for other requests."""

SUMMARY_WORDS = 30
"""The limit in the contract of answers."""

SUMMARY_CHARACTERS = 1000
"""Words can be of any length."""

_QUOTE_WORDS_AROUND = 3
_MAX_NEW_TOPICS = 2
_MIN_SUMMARY_WORDS = 8
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")


def analyse(text: str, topics: list[str]) -> dict[str, Any]:
    """The answer to one verbatim, with topics from `topics` only. Instructions in the text have no effect."""
    text = text[:MAX_CHARACTERS]
    words = split(text)
    forms = [word.form for word in words]
    return {
        "summary": summary(text),
        "sentiment": feel(forms).sentiment.value,
        "topics": _topics(forms, topics),
        "new_topics": _new_topics(text, words, forms),
    }


def summary(text: str) -> str:
    """The first sentences that fit into 30 words, or the first 30 words of a longer one."""
    chosen: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        words = sentence.split()
        if chosen and len(chosen) + len(words) > SUMMARY_WORDS:
            break
        chosen += words
        if len(chosen) >= _MIN_SUMMARY_WORDS:
            break
    if len(chosen) > SUMMARY_WORDS:
        chosen = [*chosen[: SUMMARY_WORDS - 1], chosen[SUMMARY_WORDS - 1].rstrip(",;:") + "…"]
    return " ".join(chosen)[:SUMMARY_CHARACTERS] or "(vide)"


def english(forms: Sequence[str]) -> bool:
    """Whether a text has more English than French function words."""
    return sum(form in ENGLISH for form in forms) > sum(form in FRENCH for form in forms)


def _topics(forms: Sequence[str], allowed: list[str]) -> list[str]:
    mentioned = {topic for hit in TOPICS.find(forms) for topic in hit.value}
    return [topic for topic in allowed if topic in mentioned]


def _new_topics(text: str, words: list[Word], forms: Sequence[str]) -> list[dict[str, str]]:
    topics: dict[str, dict[str, str]] = {}
    for hit in THEMES.find(forms):
        label, definition = hit.value.en if english(forms) else hit.value.fr
        quote = _quote(text, words, hit.first, hit.last)
        topics.setdefault(label, {"label": label, "definition": definition, "quote": quote})
    return list(topics.values())[:_MAX_NEW_TOPICS]


def _quote(text: str, words: list[Word], first: int, last: int) -> str:
    """The words that name the theme with some context, exactly as in the text.

    Quotes begin and end at whitespace: a cut elsewhere may lose a combining accent, and the client, which looks for
    the quote in the text, would not find it.
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
