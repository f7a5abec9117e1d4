"""Personal data out of a text: e-mail addresses, IBANs, card and phone numbers become words in square brackets.

Every pattern here is linear in the length of the text: possessive, or of bounded length from each start.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_EMAIL_RUN = re.compile(
    r"[\w.%+-]++(?:[@＠﹫][\w.-]++)*"  # each run is consumed whole, address or not: no second start inside it
    r"|(?<=[!#$&'*/=?^`{|}~])(?:[@＠﹫][\w.-]++)+"  # what an address may hold besides, without eating "l'" or "(?a="
)
_AT = re.compile(r"[@＠﹫]|%40")
_DOMAIN = re.compile(r"\.[^\W\d_]{2}|^(?:gmail|hotmail|outlook|yahoo|icloud|orange|wanadoo|laposte|free|sfr)\b", re.I)
_SPELT_EMAIL = re.compile(
    r"(?<![\w.%+-])[\w.%+-]{1,64}+(?: @ |@ | ?[(\[{] ?(?:at|arobase?|chez) ?[)\]}] ?| arobase )"
    r"[\w-]{1,63}+(?: ?(?:\.|[(\[{] ?(?:dot|point) ?[)\]}]) ?[\w-]{1,63}+){0,3}?"
    r"(?:\.| point | ?[(\[{](?:dot|point)[)\]}] ?)"
    r"(?:com|fr|net|org|eu|de|es|it|be|ch|ca|uk|io|lu)\b",
    re.I,
)

_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
# Lengths by country, out of the SWIFT register: without them one word in 97 that follows would pass the check.
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
# By length, how numbers of that length begin: one order number in ten passes Luhn's check by chance.
_CARD_PREFIX = {13: "4", 14: "3[068]", 15: "3[47]", 16: "[3-6]|2[2-7]", 17: "[56]", 18: "[56]", 19: "[4-6]"}

_GAP = r"(?P<{}>[ \u00a0\u202f]?[./·-]?[ \u00a0\u202f]?)"
_PHONE = re.compile(
    r"(?:(?<![A-Z0-9_])(?<![A-Za-z]-)|(?=[+(]))(?:"  # "CMD-0612345678" is an order
    # French, in pairs with the same mark between them: a date with an hour behind it changes marks on the way.
    r"(?:(?:\+|00)33[ .-]?(?:\(0\)[ .-]?)?|0)[1-9]" + _GAP.format("gap") + r"\d{2}(?:(?P=gap)\d{2}){3}"
    r"|0[1-9] \d{4} \d{4}|0[1-9] \d{8}|0[1-9]\d{2} \d{3} \d{3}"
    r"|(?:\+|00)33[ .-]?(?:\(0\)[ .-]?)?[1-9](?:[ .-]?\d){8}"
    # Any other country: a prefix that nothing else has, and eight digits at least.
    r"|(?:\+[1-9]|00(?:1|2[01]|3[0-9]|4[0-9]))(?:[ -]?(?:\(\d{1,4}\)[ -]?)?\d){7,13}(?![\d.,]*\d| ?[€$%])"
    r"|\(?[2-9]\d{2}\)?[ -]\d{3}-\d{4}"
    r")(?!\d)"
)


# A number glued to another hides it, until it is masked itself. Three in a row are no accident of writing.
_PASSES = 4


def mask(text: str) -> str:
    """The text with `[email]`, `[iban]`, `[card]` and `[phone]` in place of such data. Idempotent."""
    for _ in range(_PASSES):
        masked = _mask_once(text)
        if masked == text:
            break
        text = masked
    return text


def _mask_once(text: str) -> str:
    text = mask_emails(text)
    text = _replace(text, _IBAN_START, _iban_end, "[iban]")
    text = _replace(text, _CARD_START, _card_end, "[card]")
    return _PHONE.sub("[phone]", text)


def mask_emails(text: str) -> str:
    """E-mail addresses only: a URL is full of digits that are no phone numbers."""
    if _AT.search(text):
        text = _EMAIL_RUN.sub(_email, text)
    return _SPELT_EMAIL.sub("[email]", text)


def _email(run: re.Match[str]) -> str:
    at = _AT.search(run.group())
    return "[email]" if at and _DOMAIN.search(run.group()[at.end() :]) else run.group()


def _replace(text: str, start: re.Pattern[str], end_of: Callable[[str, int], int | None], word: str) -> str:
    """Each place where `start` matches and `end_of` finds an end is replaced by `word`."""
    parts, done = [], 0
    for found in start.finditer(text):
        end = end_of(text, found.start()) if found.start() >= done else None
        if end is not None:
            parts += [text[done : found.start()], word]
            done = end
    return "".join([*parts, text[done:]])


def _iban_end(text: str, start: int) -> int | None:
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    pattern = rf"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])"
    found = re.compile(pattern).match(text, start) if length else None
    if not found:
        return None
    compact = re.sub("[ -]", "", found.group()).upper()
    number = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
    return found.end() if int(number) % 97 == 1 else None


def _card_end(text: str, start: int) -> int | None:
    """The longest run of whole groups from `start` on that is a card number."""
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
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[::-2]) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0
