"""Loads the word lists of the rules from lexicon.yaml and themes.yaml, where commas separate entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.sandbox.tokenizer import fold
from pipeline.shipped_yaml import shipped_yaml


def load_word_list(name: str) -> Any:
    """The content of a YAML file in this folder."""
    return shipped_yaml(Path(__file__).with_name(name))


def entries(listed: str) -> list[str]:
    """The entries of a comma-separated list, folded."""
    return [fold(entry.strip()) for entry in listed.split(",")]


_LEXICON = load_word_list("lexicon.yaml")

FEELING: dict[str, float] = {
    entry: group["weight"] for group in _LEXICON["feeling"].values() for entry in entries(group["words"])
}
"""Weights by entry, positive for praise and negative for blame."""

CUES = entries(_LEXICON["cues"])
NEGATED_AFTER = tuple(entries(_LEXICON["negated_after"]))
NEGATIONS, CONTRACTED, STRONGER, WEAKER, TURNS, IRONIC, ENGLISH, FRENCH = (
    frozenset(entries(_LEXICON[name]))
    for name in ("negations", "contracted", "stronger", "weaker", "turns", "ironic", "english", "french")
)
