"""Masks personal data: e-mail addresses, IBANs, card and phone numbers become words in square brackets.

All patterns take linear time (possessive quantifiers or bounded repetition): a hostile text must not stall a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_EMAIL_RUN = re.compile(
    r"[\w.%+-]++(?:[@＠﹫][\w.-]++)*"  # the whole run is consumed, so no match starts inside it
    r"|(?<=[!#$&'*/=?^`{|}~])(?:[@＠﹫][\w.-]++)+"  # other characters of addresses, without consuming "l'" or "(?a="
)
_AT = re.compile(r"[@＠﹫]|%40")
# "@" also has forms that are full-width or percent-encoded. An address needs a top-level domain or a known provider,
# since "@support" and "5@10" are no addresses.
_DOMAIN = re.compile(r"\.[^\W\d_]{2}|^(?:gmail|hotmail|outlook|yahoo|icloud|orange|wanadoo|laposte|free|sfr)\b", re.I)
# Addresses spelt against spam robots: "jean (at) exemple point fr".
_SPELT_EMAIL = re.compile(
    r"(?<![\w.%+-])[\w.%+-]{1,64}+(?: @ |@ | ?[(\[{] ?(?:at|arobase?|chez) ?[)\]}] ?| arobase )"
    r"[\w-]{1,63}+(?: ?(?:\.|[(\[{] ?(?:dot|point) ?[)\]}]) ?[\w-]{1,63}+){0,3}?"
    r"(?:\.| point | ?[(\[{](?:dot|point)[)\]}] ?)"
    r"(?:com|fr|net|org|eu|de|es|it|be|ch|ca|uk|io|lu)\b",
    re.I,
)

_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
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

_CARD_START = re.compile(r"(?<!\d)[2-6]\d{2,}?(?=\d|[ -])")
_CARD_GROUPS = re.compile(r"\d{3,19}(?:[ -]\d{3,19}){0,4}")
# Leading digits of card numbers by length: Luhn alone accepts one order number in ten.
_CARD_PREFIX = {13: "4", 14: "3[068]", 15: "3[47]", 16: "[3-6]|2[2-7]", 17: "[56]", 18: "[56]", 19: "[4-6]"}

_GAP = r"(?P<{}>[ \u00a0\u202f]?[./·-]?[ \u00a0\u202f]?)"
_PHONE = re.compile(
    r"(?:(?<![A-Z0-9_])(?<![A-Za-z]-)|(?=[+(]))(?:"  # not in "CMD-0612345678", an order number
    # French, in pairs with the same separator: a date followed by a time has different ones.
    r"(?:(?:\+|00)33[ .-]?(?:\(0\)[ .-]?)?|0)[1-9]" + _GAP.format("gap") + r"\d{2}(?:(?P=gap)\d{2}){3}"
    r"|0[1-9] \d{4} \d{4}|0[1-9] \d{8}|0[1-9]\d{2} \d{3} \d{3}"
    r"|(?:\+|00)33[ .-]?(?:\(0\)[ .-]?)?[1-9](?:[ .-]?\d){8}"
    # Other countries: an international prefix, which nothing else has, and at least eight digits.
    r"|(?:\+[1-9]|00(?:1|2[01]|3[0-9]|4[0-9]))(?:[ -]?(?:\(\d{1,4}\)[ -]?)?\d){7,13}(?![\d.,]*\d| ?[€$%])"
    r"|\(?[2-9]\d{2}\)?[ -]\d{3}-\d{4}"
    r")(?!\d)"
)


# A number joined to another is found only after that one is masked. Real texts have at most three in a row.
_PASSES = 4


def mask(text: str) -> str:
    """The text with personal data replaced by `[email]`, `[iban]`, `[card]` and `[phone]`. Idempotent."""
    for _ in range(_PASSES):
        masked = _mask_once(text)
        if masked == text:
            break
        text = masked
    return text


def _mask_once(text: str) -> str:
    # phones last: parts of an IBAN or a card number would pass as phone numbers
    text = mask_emails(text)
    text = _replace(text, _IBAN_START, _iban_end, "[iban]")
    text = _replace(text, _CARD_START, _card_end, "[card]")
    return _PHONE.sub("[phone]", text)


def mask_emails(text: str) -> str:
    """The text with e-mail addresses masked, for URLs, whose digits are not phone numbers."""
    if _AT.search(text):
        text = _EMAIL_RUN.sub(_email, text)
    return _SPELT_EMAIL.sub("[email]", text)


def _email(run: re.Match[str]) -> str:
    at = _AT.search(run.group())
    return "[email]" if at and _DOMAIN.search(run.group()[at.end() :]) else run.group()


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
    pattern = rf"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])"
    found = re.compile(pattern).match(text, start) if length else None
    if not found:
        return None
    compact = re.sub("[ -]", "", found.group()).upper()
    number = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
    return found.end() if int(number) % 97 == 1 else None


def _card_end(text: str, start: int) -> int | None:
    """The end of the longest card number made of whole groups of digits, or None."""
    found = _CARD_GROUPS.match(text, start)
    end = found.end() if found else start
    while end - start >= 13:
        digits = re.sub("[ -]", "", text[start:end])
        if not text[end : end + 1].isdigit() and _is_card(digits):
            return end
        end = max(text.rfind(" ", start, end), text.rfind("-", start, end))
    return None


def _is_card(digits: str) -> bool:
    prefix = _CARD_PREFIX.get(len(digits))
    return bool(prefix and re.match(prefix, digits) and digits.isascii() and _luhn(digits))


def _luhn(digits: str) -> bool:
    """The checksum of card numbers (ISO/IEC 7812-1)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[::-2]) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0
