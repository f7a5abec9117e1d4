"""The spaces of French that no line may break: before : ; ? ! » and %, and after «."""

from __future__ import annotations

import re
from typing import Any

NO_BREAK, NARROW = "\u00a0", "\u202f"
MARK = re.compile(r"[:;?!»%](?!\w)")
"""A mark that begins a word; %s, :8080 and !important are no marks."""
SPACES = ("Space", "SoftBreak")


def french(tree: Any) -> Any:
    """A copy of pandoc's tree with no-break spaces in its text; code is no text."""
    if isinstance(tree, list):
        return [_space(tree, at) if _is_space(item) else french(item) for at, item in enumerate(tree)]
    if isinstance(tree, dict):
        return {key: french(value) for key, value in tree.items()}
    return tree


def _is_space(node: Any) -> bool:
    return isinstance(node, dict) and node.get("t") in SPACES


def _space(nodes: list[Any], at: int) -> Any:
    """The space at this place, or the one that French puts there."""
    after = MARK.match(_word(nodes, at + 1))
    if not after and not _word(nodes, at - 1).endswith("«"):
        return nodes[at]
    return {"t": "Str", "c": NARROW if after and after[0] in ";?!" else NO_BREAK}


def _word(nodes: list[Any], at: int) -> str:
    """The word at this place, empty where there is none."""
    node = nodes[at] if 0 <= at < len(nodes) else {}
    return str(node["c"]) if node.get("t") == "Str" else ""
