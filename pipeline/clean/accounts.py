"""IBANs and card numbers. Both carry a checksum, which tells them from other numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

DASHES = "\u2010-\u2015\u2212-"
"""All that look like a hyphen, inside the brackets of a pattern."""

BREAK = rf"[\s.{DASHES}]"
"""What stands between the groups of a number; a line may end there."""

_IBAN_START = re.compile(rf"(?<!\d)[A-Za-z]{{2}}\d{{2}}(?={BREAK}?[A-Za-z0-9])")
# Lengths by country, from the SWIFT registry. Without them, one time in 97 a following word would pass the checksum.
_IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 "
        "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 "
        "LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 "
        "SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 DZ26 MA28 SN28 CI28 CM27",
    )
}

_CARD_START = re.compile(rf"(?<!\d)[2-6]\d{{2,}}?(?=\d|{BREAK})")
_CARD_GROUPS = re.compile(rf"\d{{3,19}}+(?:{BREAK}\d{{3,19}}+){{0,4}}")
# Leading digits of card numbers by length: Luhn alone accepts one order number in ten.
_CARD_PREFIX = {13: "4", 14: "3[068]", 15: "3[47]", 16: "[3-6]|2[2-7]", 17: "[56]", 18: "[56]", 19: "[4-6]"}


def mask_accounts(text: str) -> str:
    """The text with `[iban]` and `[card]` for each IBAN and card number."""
    return _replace(_replace(text, _IBAN_START, _iban_end, "[iban]"), _CARD_START, _card_end, "[card]")


def is_card(digits: str) -> bool:
    """Whether digits without anything around them are a card number."""
    prefix = _CARD_PREFIX.get(len(digits))
    return bool(prefix and re.match(prefix, digits) and digits.isascii() and _luhn(digits))


def _replace(text: str, start: re.Pattern[str], end_of: Callable[[str, int], int | None], word: str) -> str:
    """The text with `word` in each place where `start` matches and `end_of` finds an end."""
    parts, done = [], 0
    for found in start.finditer(text):
        end = end_of(text, found.start()) if found.start() >= done else None
        if end is not None:
            parts += [text[done : found.start()], word]
            done = end
    return "".join([*parts, text[done:]])


def _iban_end(text: str, start: int) -> int | None:
    """The end of an IBAN of its country's length with a valid checksum (ISO 13616: modulo 97 is 1), or None."""
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    pattern = rf"[A-Za-z0-9](?:{BREAK}?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])"
    found = re.compile(pattern).match(text, start) if length else None
    if not found:
        return None
    compact = re.sub(BREAK, "", found.group()).upper()
    number = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
    return found.end() if int(number) % 97 == 1 else None


def _card_end(text: str, start: int) -> int | None:
    """The end of the longest card number made of whole groups of digits, or None."""
    groups = _CARD_GROUPS.match(text, start)
    digits = ""
    ends = []
    for group in re.finditer(r"\d+", groups.group() if groups else ""):
        digits += group.group()
        end = start + group.end()
        if is_card(digits) and not text[end : end + 1].isdigit():
            ends.append(end)
    return ends[-1] if ends else None


def _luhn(digits: str) -> bool:
    """The checksum of card numbers (ISO/IEC 7812-1)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[::-2]) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0
