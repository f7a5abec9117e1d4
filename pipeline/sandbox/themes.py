"""Finds topics of the reference base by keywords, and themes that the reference base does not have."""

from __future__ import annotations

from typing import Any, NamedTuple

from pipeline.sandbox.lexicon import entries, load_word_list
from pipeline.sandbox.tokenizer import Listing


class Named(NamedTuple):
    """The name of a theme in one language."""

    label: str
    definition: str


class Theme(NamedTuple):
    """A theme outside the reference base, in both languages."""

    fr: Named
    en: Named


def _by_entry(topics: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Topics by word. A word may belong to several."""
    by_entry: dict[str, tuple[str, ...]] = {}
    for topic, listed in topics.items():
        for entry in entries(listed):
            by_entry[entry] = (*by_entry.get(entry, ()), topic)
    return by_entry


def _themes(listed: list[dict[str, Any]]) -> dict[str, Theme]:
    return {
        entry: Theme(Named(**theme["fr"]), Named(**theme["en"]))
        for theme in listed
        for entry in entries(theme["words"])
    }


_FILE = load_word_list("themes.yaml")

TOPICS: Listing[tuple[str, ...]] = Listing(_by_entry(_FILE["topics"]))
"""Ids of topics by word."""

THEMES: Listing[Theme] = Listing(_themes(_FILE["themes"]))
"""Themes outside the reference base, by word."""
