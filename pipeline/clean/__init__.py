"""Clean: pure functions between what a source gives and what may be stored and sent.

text.py      repair what encodings, HTML and copy-paste did
privacy.py   mask e-mail addresses, IBANs, card and phone numbers
language.py  guess the language where the source does not say it
skip.py      which texts are not worth a call, and why
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.clean.language import guess
from pipeline.clean.privacy import mask, mask_emails
from pipeline.clean.skip import reason
from pipeline.clean.text import repair
from pipeline.records import Review

__all__ = ["guess", "mask", "mask_emails", "prepare", "reason", "repair"]


def prepare(review: Review) -> Review:
    """The review as it may be stored: repaired, then masked, its language guessed if the source gave none."""
    text = mask(repair(review.text))
    url = mask_emails(review.url) if review.url else review.url
    return replace(review, text=text, url=url, language=review.language or guess(text))
