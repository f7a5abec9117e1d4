"""Clean: pure functions between what a source gives and what may be stored and sent.

text.py      repair what encodings, HTML and copy-paste did
privacy.py   mask e-mail addresses, IBANs, card and phone numbers
language.py  guess the language where the source does not say it
skip.py      which texts are not worth a call, and why
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from pipeline.clean.language import guess
from pipeline.clean.privacy import mask, mask_emails
from pipeline.clean.skip import reason
from pipeline.clean.text import repair
from pipeline.records import Review

REPAIRED_BELOW = 100_000
"""Characters; five times what is analysed."""

GUESSED_FROM = 2_000
"""Characters that are enough to tell a language."""

__all__ = ["guess", "mask", "mask_emails", "name", "prepare", "reason", "repair"]


def prepare(review: Review) -> Review:
    """The review as it may be stored: repaired, then masked, its language guessed if the source gave none."""
    # what is far too long is skipped anyway, and repairing a megabyte of accents takes a minute
    text = mask(repair(review.text) if len(review.text) < REPAIRED_BELOW else review.text.replace("\0", ""))
    url = mask_emails(review.url) if review.url else review.url
    source, external_id = name(review.source, review.external_id)
    return replace(
        review,
        source=source,
        external_id=external_id,
        text=text,
        url=url,
        language=review.language or guess(text[:GUESSED_FROM]),
    )


def name(source: str, external_id: str) -> tuple[str, str]:
    """Source and id as they may be stored."""
    return mask(source), _anonymous(external_id)


def _anonymous(external_id: str) -> str:
    """An id that holds somebody's number or address becomes a hash; bare digits are most likely just an id."""
    if external_id.isdecimal() or mask(external_id) == external_id:
        return external_id
    return "sha256:" + hashlib.sha256(external_id.encode("utf-8", "replace")).hexdigest()[:32]
