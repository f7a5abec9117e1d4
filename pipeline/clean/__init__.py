"""Cleans reviews before they are stored or sent. Pure functions.

text.py      repairs damage by encodings, HTML and copy-paste
privacy.py   masks e-mail addresses, IBANs, card and phone numbers: emails.py, accounts.py, phones.py
language.py  guesses the language if the source does not state it
skip.py      decides which texts are not analysed
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

from pipeline.clean.language import guess
from pipeline.clean.privacy import holds_personal_data, mask, mask_url
from pipeline.clean.skip import reason
from pipeline.clean.text import repair, visible
from pipeline.records import Review, Value

REPAIRED_BELOW = 100_000
"""Characters; five times the longest text that is analysed."""

GUESSED_FROM = 2_000
"""Characters from which the language is guessed; a longer text costs more and tells no more."""

KEPT = 2_000
"""Characters of a value of another column."""

__all__ = ["guess", "mask", "name", "prepare", "reason", "repair"]


def prepare(review: Review) -> Review:
    """The review as it may be stored: repaired, masked, and with its language guessed if the source gave none."""
    # a text this long is skipped anyway, and repairing a megabyte of accents takes a minute
    text = mask(repair(review.text) if len(review.text) < REPAIRED_BELOW else visible(review.text.replace("\0", "")))
    url = mask_url(visible(review.url)) if review.url else review.url
    as_read = review.source, review.external_id
    source, external_id = name(*as_read)
    return replace(
        review,
        source=source,
        external_id=external_id,
        text=text,
        url=url,
        extra=review.extra and {mask(visible(key)): _kept(value) for key, value in review.extra.items()},
        language=review.language or guess(text[:GUESSED_FROM]),
        read_as=None if (source, external_id) == as_read else as_read,
    )


def name(source: str, external_id: str) -> tuple[str, str]:
    """Source and external id as they may be stored: without personal data."""
    return _source_name(source), _anonymous(external_id)


@lru_cache(maxsize=1000)
def _source_name(source: str) -> str:
    """Cached: all records of a file have the same few sources."""
    return mask(visible(source))


def _kept(value: Value) -> Value:
    """A value of another column; a number may be a phone's."""
    if isinstance(value, str):
        # cut afterwards: half an e-mail address is none, and would not be masked
        return mask(visible(value))[:KEPT]
    return "[phone]" if not isinstance(value, bool) and holds_personal_data(f"{value:.15g}") else value


def _anonymous(external_id: str) -> str:
    """An id that contains personal data becomes a hash."""
    if not holds_personal_data(visible(external_id)):
        return external_id
    return "sha256:" + hashlib.sha256(external_id.encode("utf-8", "replace")).hexdigest()[:32]
