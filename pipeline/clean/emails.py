"""E-mail addresses, also those that are spelt against spam robots."""

from __future__ import annotations

import re

_RUN = re.compile(
    r"[\w.%+-]++(?:[@＠﹫][\w.-]++)*"  # the whole run is consumed, so no match starts inside it
    r"|(?<=[!#$&'*/=?^`{|}~])(?:[@＠﹫][\w.-]++)+"  # other characters of addresses, without consuming "l'" or "(?a="
)
_AT = re.compile(r"[@＠﹫]|%40")
# "@" also has forms that are full-width or percent-encoded. An address needs a top-level domain or a known provider,
# since "@support" and "5@10" are no addresses.
_DOMAIN = re.compile(r"\.[^\W\d_]{2}|^(?:gmail|hotmail|outlook|yahoo|icloud|orange|wanadoo|laposte|free|sfr)\b", re.I)
# "photo@2x.png" is a picture for sharp screens.
_PICTURE = re.compile(r"[^@]*@[1-4]x\.(?:png|jpe?g|gif|webp|avif|svg)\.*", re.I)

# "jean (at) exemple point fr". A bare "at" is a common word, so only what names no shop or site may follow it.
_SPELT = re.compile(
    r"(?<![\w.%+-])[\w.%+-]{1,64}+"
    r"(?: @ ?|@ | ?[(\[{] ?(?:at|arobase?|chez) ?[)\]}] ?| arobase | at (?=(?:gmail|hotmail|outlook|icloud)\b))"
    r"[\w-]{1,63}+(?: ?(?:\.|[(\[{] ?(?:dot|point) ?[)\]}]) ?[\w-]{1,63}+){0,3}?"
    r"(?:\.| (?:dot|point) | ?[(\[{](?:dot|point)[)\]}] ?)"
    r"(?:com|fr|net|org|eu|de|es|it|be|ch|ca|uk|io|lu)\b",
    re.I,
)


def mask_emails(text: str) -> str:
    """The text with `[email]` for each e-mail address."""
    if _AT.search(text):
        text = _RUN.sub(_word, text)
    return _SPELT.sub("[email]", text)


def _word(run: re.Match[str]) -> str:
    at = _AT.search(run.group())
    found = at and _DOMAIN.search(run.group()[at.end() :]) and not _PICTURE.fullmatch(run.group())
    return "[email]" if found else run.group()
