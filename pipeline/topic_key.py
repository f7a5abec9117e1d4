"""What all spellings of a new topic have in common."""

from __future__ import annotations

import unicodedata


def topic_key(label: str) -> str:
    """The same for labels that name the same theme."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", label.casefold()) if not unicodedata.combining(one))
    return " ".join(sorted(set(plain.split())))
