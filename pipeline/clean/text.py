"""Repairs damage by encodings, HTML and copy-paste. The words of a text do not change."""

from __future__ import annotations

import html
import re
import unicodedata

import ftfy

_FTFY = ftfy.TextFixerConfig(
    unescape_html=False,  # done below, and only for entities that end in ";" ("&amplitude" is a word)
    uncurl_quotes=False,  # quotes in an answer must be found in the text as the customer wrote it
    fix_character_width=False,  # "！" and "，" are the punctuation of Chinese and Japanese
    explain=False,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Soft hyphens, zero-width spaces, direction marks and tag characters hide personal data from masking.
_INVISIBLE = re.compile(
    r"[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
# Emoji and several scripts need joiners and variation selectors; between two ASCII characters nothing does.
_JOINER = re.compile(r"(?<=[\n -~])[\u034f\u200c\u200d\ufe00-\ufe0f]++(?=[\n -~])")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LINE_END = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Each pass removes one layer (an entity may hide mojibake, and mojibake an entity); real texts need one or two.
_PASSES = 4


def repair(text: str) -> str:
    """The text without mojibake, HTML entities, control and invisible characters, in NFC. Idempotent."""
    for _ in range(_PASSES):
        repaired = _pass(text)
        if repaired == text:
            return text
        text = repaired
    # More layers are an attack, not text: a blank after each "&" leaves nothing to decode.
    return _pass(re.sub(r"&(?=[#A-Za-z])", "& ", text))


def visible(text: str) -> str:
    """The text without invisible characters."""
    return _JOINER.sub("", _INVISIBLE.sub("", text))


def _pass(text: str) -> str:
    text = _SURROGATE.sub("\ufffd", text)
    text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)
    text = ftfy.fix_text(_SURROGATE.sub("\ufffd", text), _FTFY)
    text = _LINE_END.sub("\n", text)
    text = visible(_CONTROL.sub("", text))
    return unicodedata.normalize("NFC", _collapse(text))


def _collapse(text: str) -> str:
    """The text with runs of blanks as one blank, and at most one empty line in a row."""
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
