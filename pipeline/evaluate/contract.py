"""What an answer promises beyond its shape: a short summary in the verbatim's language, and short quotes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pipeline.records import Signal

SUMMARY_WORDS, QUOTE_WORDS = 30, 15
"""As the descriptions of the answer's fields ask for."""

Guess = Callable[[str], str | None]
"""The language of a text, or None where it cannot be told."""


def breaches(summary: str, quotes: Iterable[str], language: str | None, guess: Guess) -> list[Signal]:
    """Which of the promises an answer breaks; what cannot be told is not broken."""
    found = []
    if len(summary.split()) > SUMMARY_WORDS:
        found.append(Signal.SUMMARY_TOO_LONG)
    if any(len(quote.split()) > QUOTE_WORDS for quote in quotes):
        found.append(Signal.QUOTE_TOO_LONG)
    if summary and language and guess(summary) not in (None, language):
        found.append(Signal.WRONG_LANGUAGE)
    return found
