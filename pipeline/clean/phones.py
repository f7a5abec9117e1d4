"""Phone numbers: French ones in any usual form, others with their international prefix."""

from __future__ import annotations

import re

from pipeline.clean.accounts import DASHES

_SEPARATOR = rf"[./·{DASHES}]"
_ANY = rf"\s?+{_SEPARATOR}?+\s?+"
_PAIRS = (
    r"(?!\d\d\n\d\d\n)"  # numbers below each other
    r"(?:0[1-9]|33\s?[67])"
    # The same kind of separator everywhere: a date followed by a time has different ones.
    rf"(?:\d{{8}}|(?:\s{{1,2}}+\d\d){{4}}|\s?+(?P<sign>{_SEPARATOR})\s?+\d\d(?:\s?+(?P=sign)\s?+\d\d){{3}})"
)
_DIGITS = (
    r"(?!0\D1\D2\D3)"  # a scale
    rf"0(?P<between>[^\S\n]|{_SEPARATOR})[1-9](?:(?P=between)\d){{8}}(?!(?P=between)\d)"
)
# An order number keeps its digits, after its word and in "CMD-0612345678".
_ORDER = r"\b(?i:commande|order|r[eé]f(?:[eé]rence)?|facture|dossier)(?:[ .:#]|[nN]°){0,5}+\d{10,11}(?!\d)"
_PHONE = re.compile(
    rf"(?P<order>{_ORDER})"
    r"|(?:(?<![A-Z0-9])(?<![A-Z]-)(?<![A-Z0-9]_)|(?=[+(]))(?:"
    rf"{_PAIRS}|{_DIGITS}"
    r"|0[1-9]\s\d{4}\s\d{4}|0[1-9]\s\d{8}|0[1-9]\d{2}\s\d{3}\s\d{3}"
    rf"|\(?(?:\+|00)\s?33\)?{_ANY}(?:\(?0\)?{_ANY})?[1-9](?:{_ANY}\d){{8}}"
    # Other countries: an international prefix, which nothing else has, and at least eight digits.
    r"|(?:\+[1-9]|00(?:1|2[01]|3[0-9]|4[0-9]))(?:[ -]?(?:\(\d{1,4}\)[ -]?)?\d){7,13}(?![\d.,]*\d| ?[€$%])"
    r"|\(?[2-9]\d{2}\)?[ -]\d{3}-\d{4}"
    r")(?!\d)"
)
_BARE = re.compile(r"0[1-9]\d{8}|33[67]\d{8}|0033[1-9]\d{8}")


def mask_phones(text: str) -> str:
    """The text with `[phone]` for each phone number."""
    return _PHONE.sub(lambda found: found["order"] or "[phone]", text)


def is_phone(digits: str) -> bool:
    """Whether digits without anything around them are a phone number; most others are the number of a review."""
    return _BARE.fullmatch(digits) is not None
