"""Parses the fields of a record, for every kind of source. Unreadable is None, never a guess."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from datetime import date, datetime

MAX_RATING = 100.0
"""Real files use scales of 5, 10, 20 and 100; anything higher is another number in the wrong column."""

MAX_ID = 200
"""Characters of an id kept unchanged; a longer one is hashed."""

_SURROGATE = re.compile(r"[\ud800-\udfff]")
# the @ may be percent-encoded, since ids are often addresses of pages
_EMAIL = re.compile(r"[^@\s]@[^@\s.]+\.|[^@\s]%40[^@\s.]+\.", re.I)
_DAY = r"\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d{3}|\d{4}-\d{3}"
_CLOCK = r"\d\d(?::?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?)?"
_ZONE = r"\s?(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
_ISO = re.compile(rf"(?P<day>{_DAY})(?:[T ](?P<clock>{_CLOCK})(?:{_ZONE})?)?", re.I)
_NUMBER = r"(?<![\d.,½/+-])(\d{1,3}(?:[.,]\d{1,2})?)"
# Only scales written out are trusted; "4,5" alone is a number on the scale of the source.
_SCALED = re.compile(
    rf"{_NUMBER}\s{{0,3}}(?:étoiles?|stars?|)\s{{0,3}}(?:/|sur|out of|of|von|de)\s{{0,3}}"
    r"(\d{1,3})(?:[.,]0)?(?!\d|[.,]\d|[/½])",
    re.I,
)
_PERCENT = re.compile(rf"{_NUMBER}\s?%")
_ALONE = re.compile(rf"{_NUMBER}(?![.,]\d|[/½]|\w)")
_STARS = re.compile("★+")
_NUMERIC_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T,]+(?:[01]?\d|2[0-3])[:h][0-5]\d(?::[0-5]\d)?)?")
# ISO 639-2 has two codes for some languages (fra and fre, deu and ger), so both are listed
_LANGUAGE_NAMES = {
    "francais": "fr", "french": "fr", "fra": "fr", "fre": "fr", "anglais": "en", "english": "en", "eng": "en",
    "allemand": "de", "german": "de", "deutsch": "de", "deu": "de", "ger": "de", "espagnol": "es", "spanish": "es",
    "espanol": "es", "spa": "es", "italien": "it", "italian": "it", "italiano": "it", "ita": "it", "portugais": "pt",
    "portuguese": "pt", "por": "pt", "neerlandais": "nl", "dutch": "nl", "nederlands": "nl", "nld": "nl", "dut": "nl",
}  # fmt: skip
_ISO_639_1 = frozenset(
    re.findall(
        "[a-z]+",
        "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da "
        "de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz "
        "ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln "
        "lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi "
        "pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti "
        "tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ",
    )
)


def plain(text: str) -> str:
    """The text without NUL and lone surrogates, which no store accepts, and with line ends as `\\n`."""
    text = _SURROGATE.sub("\ufffd", text).replace("\x00", "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def harmless(text: str) -> str:
    """A line for a terminal: nothing in it moves the cursor, and nothing turns the direction of the text."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "\ufffd", text)


def folded(word: str) -> str:
    """Lower case without accents, blanks and dashes as underscores: `Étoiles` and `etoiles` are one name."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return re.sub(r"[\s.-]+", "_", bare.casefold().strip())


def number(value: object) -> float | None:
    """A finite number out of a number or a string, with a point or a comma."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,15}(?:[.,]\d{1,15})?\s*", value):
        value = float(value.replace(",", "."))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 and math.isfinite(value) else None


def rating(value: object) -> float | None:
    """A rating on the scale of the source, from 0 to `MAX_RATING`."""
    parsed = number(value)
    return parsed if parsed is not None and 0 <= parsed <= MAX_RATING else None


def out_of_five(value: object, best: float = 5.0) -> float | None:
    """A rating out of five, from one out of `best`: a number, `4/5`, `4 sur 5`, `80 %`, or `★★★★`.

    None above the scale, and for a text with several numbers and no scale.
    """
    given, scale = number(value), best
    if given is None and isinstance(value, str):
        # a real rating is short; the limit keeps the patterns cheap on a wrong column
        given, scale = _rating_in_text(value[:200], best)
    if given is None or scale <= 0 or not 0 <= given <= scale:
        return None
    return given if scale == 5 else round(given * 5 / scale, 2)


def _rating_in_text(text: str, best: float) -> tuple[float | None, float]:
    """The rating of a text and its scale; None unless the text has exactly one."""
    if scaled := _SCALED.findall(text):
        return (number(scaled[0][0]), float(scaled[0][1])) if len(scaled) == 1 else (None, best)
    if percent := _PERCENT.findall(text):
        return (number(percent[0]) if len(percent) == 1 else None), 100.0
    # a number beside a star says how many
    if (stars := _STARS.findall(text)) and not re.search(r"\d", text):
        return (float(len(stars[0])) if len(stars) == 1 and "½" not in text else None), best
    alone = _ALONE.findall(text)
    return (number(alone[0]) if len(alone) == 1 == len(re.findall(r"\d+(?:[.,]\d+)?", text)) else None), best


def written_at(value: object) -> str | None:
    """A date in the usual form of ISO 8601, from any form of it or from an unambiguous numeric date; else None."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        return iso_date(text) or _numeric_day(text)
    except ValueError:
        return None


def iso_date(text: str) -> str | None:
    """A date of ISO 8601 in its usual form; None for another form. Raises ValueError for a day that does not exist."""
    match = _ISO.fullmatch(text)
    return _iso(**match.groupdict()) if match else None


def _iso(day: str, clock: str | None, zone: str | None) -> str | None:
    """Normalises ISO 8601. Beyond what Python parses: days of the year (`2026-181`), zones after a blank or by name."""
    digits = re.sub("[^0-9]", "", day)
    is_ordinal = len(digits) == 7 and "W" not in day.upper()
    parsed = datetime.strptime(digits, "%Y%j").date() if is_ordinal else date.fromisoformat(day.upper())
    # strptime turns day 366 of a common year into 1 January
    if not 1970 <= parsed.year < 2100 or (is_ordinal and f"{parsed:%Y%j}" != digits):
        return None
    if clock is None:
        return parsed.isoformat()
    zone = {"UTC": "Z", "GMT": "Z"}.get((zone or "").upper(), (zone or "").upper())
    return datetime.fromisoformat(f"{parsed.isoformat()}T{clock}{zone}").isoformat()


def _numeric_day(text: str) -> str | None:
    """A numeric date whose order is certain, because one number is above 12 or both are equal."""
    match = _NUMERIC_DAY.fullmatch(text)
    if not match:
        return None
    first, second, year = (int(part) for part in match.groups())
    if first <= 12 and second <= 12 and first != second:
        return None  # 03/04 is 3 April in Europe and March 4 in the United States
    day, month = (first, second) if second <= 12 else (second, first)
    return date(year, month, day).isoformat() if 1970 <= year < 2100 else None


def language(value: object) -> str | None:
    """The ISO 639-1 code of a code (`fr-FR`) or a name (`français`, `French`)."""
    name = folded(value) if isinstance(value, str) and len(value) < 100 else ""
    code = name.split("_")[0]
    return code if code in _ISO_639_1 else _LANGUAGE_NAMES.get(code)


def external_id(value: object) -> str | None:
    """The source's own id as a string, hashed if it is long or contains an e-mail address; None if there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        # JSON may write the id 42 as 42.0, and both must be the same review
        value = int(value) if value.is_integer() else value
    text = plain(_digits(value)).strip()
    return "sha256:" + _hash(text) if len(text) > MAX_ID or _EMAIL.search(text) else text or None


def _digits(value: str | int | float) -> str:
    try:
        return str(value)
    except ValueError:  # Python converts no integer above 4300 digits to decimal
        return hex(int(value))


class ContentIds:
    """Ids for records without one, made from their content: the same in every run, whatever the order of the input.

    Identical records of one source ("Super", five stars) come from different people, so repetitions are numbered.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def give(self, source: str, text: str, rating: float | None, written: str | None, language: str | None) -> str:
        """`sha256:` and 32 hex digits, with `#2` for the second identical record, and so on."""
        digest = _hash(json.dumps([text, rating, written, language]))
        # a 16-byte key per record instead of the id saves some 100 MB per million records
        key = hashlib.sha256(f"{source}\0{digest}".encode()).digest()[:16]
        count = self._seen[key] = self._seen.get(key, 0) + 1
        return f"sha256:{digest}" + (f"#{count}" if count > 1 else "")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
