"""Repair of a text: what encodings, HTML and copy-paste did to it is undone; its words stay as they are."""

from __future__ import annotations

import html
import re
import unicodedata

import ftfy

_FTFY = ftfy.TextFixerConfig(
    unescape_html=False,  # done below, and only for entities that end in ";" ("&amplitude" is a word)
    uncurl_quotes=False,  # a quote of the answer has to be found in the text as it was written
    explain=False,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Soft hyphens, zero-width blanks, direction marks and tag characters hide words from readers and from masking.
# The joiners (U+200C, U+200D) stay: emoji and several scripts are spelt with them.
_INVISIBLE = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LINE_END = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Each pass undoes one layer (an entity may hide mojibake, mojibake an entity); real texts need one or two.
_PASSES = 4


def repair(text: str) -> str:
    """Mojibake, HTML entities, control and invisible characters, blanks: repaired, in NFC. Idempotent."""
    for _ in range(_PASSES):
        repaired = _pass(text)
        if repaired == text:
            return text
        text = repaired
    # Layers without end are not text: a blank behind each "&" leaves nothing to decode.
    return _pass(re.sub(r"&(?=[#A-Za-z])", "& ", text))


def _pass(text: str) -> str:
    text = _SURROGATE.sub("\ufffd", text)
    text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)
    text = ftfy.fix_text(_SURROGATE.sub("\ufffd", text), _FTFY)
    text = _LINE_END.sub("\n", text)
    text = _INVISIBLE.sub("", _CONTROL.sub("", text))
    return unicodedata.normalize("NFC", _collapse(text))


def _collapse(text: str) -> str:
    """Runs of blanks become one, and at most one line stays empty between two others."""
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
