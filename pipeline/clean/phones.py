"""Phone numbers: French ones in any usual form, others with their international prefix.

Patterns find the usual groups of digits, also those that no library takes for a number; libphonenumber finds the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from phonenumbers import PhoneNumberMatcher

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
_ORDER_WORD = r"\b(?i:commande|order|r[eé]f(?:[eé]rence)?|facture|dossier)(?:[ .:#]|[nN]°){0,5}+"
_ORDER = rf"{_ORDER_WORD}\d{{10,11}}(?!\d)"
_NO_REFERENCE = r"(?<![A-Z0-9])(?<![A-Z]-)(?<![A-Z0-9]_)"
_PHONE = re.compile(
    rf"(?P<order>{_ORDER})"
    rf"|(?:{_NO_REFERENCE}|(?=[+(]))(?:"
    rf"{_PAIRS}|{_DIGITS}"
    r"|0[1-9]\s\d{4}\s\d{4}|0[1-9]\s\d{8}|0[1-9]\d{2}\s\d{3}\s\d{3}"
    rf"|\(?(?:\+|00)\s?33\)?{_ANY}(?:\(?0\)?{_ANY})?[1-9](?:{_ANY}\d){{8}}"
    # Other countries: an international prefix, which nothing else has, and at least eight digits.
    r"|(?:\+[1-9]|00(?:1|2[01]|3[0-9]|4[0-9]))(?:[ -]?(?:\(\d{1,4}\)[ -]?)?\d){7,13}(?![\d.,]*\d| ?[€$%])"
    r"|\(?[2-9]\d{2}\)?[ -]\d{3}-\d{4}"
    r")(?!\d)"
)
_BARE = re.compile(r"0[1-9]\d{8}|33[67]\d{8}|0033[1-9]\d{8}")

# Where the slow matcher looks for numbers in other groups, such as "0 805 204 805".
_GROUPS = re.compile(
    rf"(?P<order>{_ORDER_WORD}(?=\d))?+"
    rf"(?P<number>(?:\+|{_NO_REFERENCE}(?=0(?!0\D)))\(?\d(?:[\s./·(){DASHES}]{{0,3}}+\d){{7,24}}+)"
)
MAX_MATCHED = 2_000
"""Places in a text that the matcher looks at, so that a hostile text takes it a second; a text that is short enough to
be analysed has fewer."""
# The matcher takes these for numbers: dates, decimals, scales and ISBNs (a single digit after the first group), and
# digits without a separator, most of which are the number of an order.
_OTHER = re.compile(r".*?(?<!\d)(?:19[5-9]|20[0-4])\d(?!\d)|0[.,]|\d.*?(?<!\d)\d(?!\d)|\d+\Z", re.S)
_TWO_GROUPS = re.compile(r"\d\d\D+\d\d")


_DIGIT = re.compile(r"\d")
FEWEST_DIGITS = 8
"""Of a number that any pattern takes for a phone's. Most reviews have fewer, and take half as long to mask."""


def mask_phones(text: str) -> str:
    """The text with `[phone]` for each phone number."""
    if len(_DIGIT.findall(text)) < FEWEST_DIGITS:
        return text
    text = _PHONE.sub(lambda found: found["order"] or "[phone]", text)
    parts, done = [], 0
    for start, end in _matched(text):
        parts += [text[done:start], "[phone]"]
        done = end
    return "".join([*parts, text[done:]])


def _matched(text: str) -> Iterator[tuple[int, int]]:
    """Where libphonenumber finds valid numbers, French ones or with their prefix."""
    for place in islice(_GROUPS.finditer(text), MAX_MATCHED):
        if place["order"] or not _TWO_GROUPS.search(place["number"]):
            continue
        start, end = place.span("number")
        # what follows tells an amount or the hour of a date from a number
        for found in PhoneNumberMatcher(text[start : end + 4], "FR"):
            if start + found.end <= end and not _OTHER.match(found.raw_string):
                yield start + found.start, start + found.end


def is_phone(digits: str) -> bool:
    """Whether digits without anything around them are a phone number; most others are the number of a review."""
    return _BARE.fullmatch(digits) is not None
