"""What a verbatim is about: topics of the reference base by their words, and themes that it does not list."""

from __future__ import annotations

from typing import Any, NamedTuple

from pipeline.sandbox.lexicon import entries, read
from pipeline.sandbox.tokenizer import Listing


class Named(NamedTuple):
    """A theme's name in one language."""

    label: str
    definition: str


class Theme(NamedTuple):
    """A theme outside the reference base, in both languages."""

    fr: Named
    en: Named


def _by_entry(topics: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """A word can speak of several topics."""
    found: dict[str, tuple[str, ...]] = {}
    for topic, listed in topics.items():
        for entry in entries(listed):
            found[entry] = (*found.get(entry, ()), topic)
    return found


def _themes(listed: list[dict[str, Any]]) -> dict[str, Theme]:
    return {
        entry: Theme(Named(**theme["fr"]), Named(**theme["en"]))
        for theme in listed
        for entry in entries(theme["words"])
    }


_FILE = read("themes.yaml")

TOPICS: Listing[tuple[str, ...]] = Listing(_by_entry(_FILE["topics"]))
"""Words to the topic ids they speak of."""

THEMES: Listing[Theme] = Listing(_themes(_FILE["themes"]))
"""Words to themes that the reference base does not list."""
