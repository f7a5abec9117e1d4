"""Masks personal data: e-mail addresses, IBANs, card and phone numbers become words in square brackets.

emails.py, accounts.py and phones.py know their forms. All patterns take linear time (possessive quantifiers or bounded
repetition): a hostile text must not stall a run.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from pipeline.clean.accounts import is_card, mask_accounts
from pipeline.clean.emails import mask_emails
from pipeline.clean.phones import is_phone, mask_phones

# A number joined to another is found only after that one is masked. Real texts have at most three in a row.
_PASSES = 4

_WIDE = {0x3000: " ", **{wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}}
"""Full-width characters and their usual forms, which the patterns know."""

_URL_PART = re.compile(r"(?<=[/?&=;:,#])[^/?&=;:,#]{10,100}(?![^/?&=;:,#])")
"""A segment of the path or a value of the query, as long as a number in any form, also percent-encoded."""


def mask(text: str) -> str:
    """The text with personal data replaced by `[email]`, `[iban]`, `[card]` and `[phone]`. Idempotent.

    A text that hides personal data in full-width characters gets the usual ones; any other keeps them.
    """
    masked, narrow = _mask(text), text.translate(_WIDE)
    if narrow == text:
        return masked
    narrow = _mask(narrow)
    return masked if masked.translate(_WIDE) == narrow else narrow


def _mask(text: str) -> str:
    for _ in range(_PASSES):
        # phones last: parts of an IBAN or a card number would pass as phone numbers
        masked = mask_phones(mask_accounts(mask_emails(text)))
        if masked == text:
            break
        text = masked
    return text


def mask_url(url: str) -> str:
    """The address with e-mail addresses masked, and those of its parts that are a number and nothing else."""
    return _URL_PART.sub(lambda part: _number(unquote_plus(part.group()).strip()) or part.group(), mask_emails(url))


def holds_personal_data(external_id: str) -> bool:
    """Whether an id is or contains personal data. Other digits are most likely just an id."""
    external_id = external_id.translate(_WIDE)
    if any(map(_digits, re.findall(r"(?<![^\W_])\d+(?![^\W_])", external_id))):
        return True
    return not external_id.isdecimal() and mask(external_id) != external_id


def _number(part: str) -> str | None:
    """The word for a number that is all of `part`, or None."""
    part = part.translate(_WIDE)
    if part.isdecimal():
        return _digits(part)
    masked = mask(part)
    return masked if masked in ("[phone]", "[card]", "[iban]") else None


def _digits(digits: str) -> str | None:
    return "[phone]" if is_phone(digits) else "[card]" if is_card(digits) else None
