"""Reads the analyst's words out of lexicon.yaml and themes.yaml; entries there are separated by commas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.sandbox.tokenizer import fold


def read(name: str) -> Any:
    """The content of one of the YAML files beside this one."""
    return yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def entries(listed: str) -> list[str]:
    """The entries of a list."""
    return [fold(entry.strip()) for entry in listed.split(",")]


_LEXICON = read("lexicon.yaml")

FEELING: dict[str, float] = {
    entry: group["weight"] for group in _LEXICON["feeling"].values() for entry in entries(group["words"])
}
"""Entry to weight: above 0 praise, below 0 blame."""

CUES = entries(_LEXICON["cues"])
NEGATED_AFTER = tuple(entries(_LEXICON["negated_after"]))
NEGATIONS, CONTRACTED, STRONGER, WEAKER, TURNS, IRONIC, ENGLISH, FRENCH = (
    frozenset(entries(_LEXICON[name]))
    for name in ("negations", "contracted", "stronger", "weaker", "turns", "ironic", "english", "french")
)
