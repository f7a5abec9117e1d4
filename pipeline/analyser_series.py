"""Which analysers are one and the same but for their topics: charts, baseline and evaluations carry over among them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any


def series_of(fingerprint: str, definition: str | None) -> str:
    """The fingerprint of a definition without its topics. One that is not known is a series of its own."""
    whole: dict[str, Any] = json.loads(definition) if definition else {}
    if "topics" not in whole:
        return fingerprint
    topics = whole.pop("topics")
    whole["instructions"] = _without(whole["instructions"], topics)
    whole["schema"]["properties"]["topics"]["items"].pop("enum", None)
    return hashlib.sha256(json.dumps(whole, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def _without(instructions: str, topics: Collection[str]) -> str:
    """The instructions without the lines that list the topics, each of which begins with its id."""
    listed = tuple(f"- {topic} — " for topic in topics)
    return "\n".join(line for line in instructions.split("\n") if not line.startswith(listed))
