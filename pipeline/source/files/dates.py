"""Reads the dates of one column of a file, whose values together tell whether the day or the month comes first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from typing import Any

from pipeline.errors import InputError
from pipeline.source import fields

LANGUAGES = ("fr", "en", "de", "es", "it", "nl", "pt", "pl", "ru", "tr")
"""Languages of month names. Each unknown text is tried in all of them, so a longer list costs time."""

MAX_MISSES = 1_000
"""Different texts that `dateparser` may fail on before a column gets only the fast forms: each costs milliseconds."""

MAX_CHARACTERS = 80
"""The longest date seen has 65: `Thu Dec 12 2019 10:11:12 GMT-0800 (Pacific Standard Time)`, and a comment."""

_NUMERIC = re.compile(r"(?P<a>\d{1,4})(?P<mark>[/.-])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{4}|\d{2})")
_CLOCK = re.compile(
    r"(?:[ ,T]|\bà|\bat|\bum)*(?<!\d)(?P<h>\d{1,2})[:h](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:[.,]\d+)?)?"
    r"(?:\s*(?P<half>[ap])\.?m\b\.?)?",
    re.I,
)
_AFTER = r"(?:\s*\([^()]*\))?"
_ZONE = re.compile(
    r"\s*(?:(?P<offset>\+\d\d:?\d\d|-\d{4})(?!\d)"
    r"|(?P<open>\()?(?:GMT|UTC)\s?(?P<from_utc>[+-]\d{1,2}(?::?\d\d)?)(?![\d:])(?(open)\s*\))"
    r"|(?P<opened>\()?(?P<utc>GMT|UTC|Z)(?!\w|[+-]\d)(?(opened)\s*\)))" + _AFTER,
    re.I,
)
_RANGE = re.compile(
    r"\s*(?:[-–—/]|\bà\b|\bto\b|\bbis\b)\s*\d{1,2}[:h]\d\d(?::\d\d)?(?:\s*[ap]\.?m\b\.?)?" + _AFTER, re.I
)
_OTHER_ZONE = re.compile(
    r"\s*(?:\([^()]*\)|[A-Z]\w+/[A-Z]\w+|[A-Z]{0,5}[+-]\d{1,2}(?::?\d\d)?(?![\d:/.-])|[A-Z]{3,5}(?=\s*$)"
    r"|(?:[PMCE][SD]T|CES?T|EES?T|WES?T|BST|IST|MSK|JST|KST|HKT|SGT|AK[SD]T|HST|A[EC][SD]T|NZ[SD]T|MES?Z)\b)" + _AFTER
)
"""What says that the clock is another zone's, but not surely which: CST is of Chicago, Shanghai and Havana."""

_FARTHEST_ZONE = 14
"""Hours between UTC and the islands of the Line."""

_ISO_RANGE = re.compile(r"(?P<day>\d{4}-\d\d-\d\d) \d\d:\d\d-\d\d:\d\d")
"""Opening hours rather than a zone; only with a T or with seconds it is certainly a zone."""

_AHEAD = timedelta(days=2)
"""A later day is a delivery's, or a typing error. Two, since the clocks of both may be in different zones."""

_EPOCH = re.compile(r"(?P<seconds>1\d{9})(?P<milliseconds>\d{3})?")
_SETTINGS: Mapping[str, Any] = {
    # without them "mars 2025" would be today's day in March, and "hier" a date
    "STRICT_PARSING": True,
    "REQUIRE_PARTS": ["day", "month", "year"],
    "PARSERS": ["absolute-time"],
    "DATE_ORDER": "DMY",
    "PREFER_LOCALE_DATE_ORDER": False,
}


class DateColumn:
    """How one column writes its dates. Give every value to `look`, then call `read`.

    `format` is one of Python's strptime and overrides everything. Raises InputError for one that is none.
    """

    def __init__(self, format: str | None = None) -> None:
        self._format = format
        self._day_first = self._month_first = self._ambiguous = 0
        self._days: dict[str, date | None] = {}
        self._misses = 0
        self._last_day = (datetime.now(UTC) + _AHEAD).date().isoformat()
        if format is not None:
            _check(format)

    def look(self, value: object) -> None:
        """Take a value as evidence for the order of day and month."""
        match = _NUMERIC.match(value.strip()) if isinstance(value, str) else None
        if match and len(match["a"]) < 3 and not _may_begin_with_year(match):
            first, second = int(match["a"]), int(match["b"])
            self._day_first += 31 >= first > 12 >= second > 0
            self._month_first += 31 >= second > 12 >= first > 0
            self._ambiguous += first <= 12 and second <= 12 and first != second and match["mark"] != "."

    @property
    def day_first(self) -> bool | None:
        """The order that the column proves; None where no value proves one, or values prove both."""
        if bool(self._day_first) == bool(self._month_first):
            return None
        return self._day_first > 0

    def order(self) -> str | None:
        """What was decided, for the reader of a report; None where no date needs it."""
        if self._format is not None:
            return f"read by {self._format}"
        if self._day_first and self._month_first:
            return f"order unclear: {self._day_first} dates are day/month, {self._month_first} month/day"
        if self.day_first is None:
            return "order unclear: no day above 12; --date-format %d/%m/%Y says it" if self._ambiguous else None
        first, proofs = ("day", self._day_first) if self.day_first else ("month", self._month_first)
        return f"{first} first, which {proofs} date{' proves' if proofs == 1 else 's prove'}"

    def read(self, value: object) -> str | None:
        """An ISO 8601 day or instant; None for what cannot be read without guessing."""
        text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not text or len(text) > MAX_CHARACTERS:
            return None
        try:
            found = self._read(text)
        except (ValueError, OverflowError):
            return None
        return found if found is not None and found[:10] <= self._last_day else None

    def _read(self, text: str) -> str | None:
        if self._format is not None:
            return _iso(datetime.strptime(text, self._format), clock="%H" in self._format or "%I" in self._format)
        if day := _ISO_RANGE.fullmatch(text):
            return fields.iso_date(day["day"])
        found = fields.iso_date(text) or _epoch(text)
        if found is None:
            return self._with_clock(text)
        return found if _is_zone(datetime.fromisoformat(found).utcoffset()) else found[:10]

    def _with_clock(self, text: str) -> str | None:
        clock, zone, rest = _clock(text)
        found = self._numeric(rest) if _NUMERIC.fullmatch(rest) else self._named(rest)
        if found is None or not 1970 <= found.year < 2100:
            return None
        return found.isoformat() if clock is None else datetime.combine(found, clock, tzinfo=zone).isoformat()

    def _numeric(self, text: str) -> date | None:
        match = _NUMERIC.fullmatch(text)
        assert match is not None
        a, b, c = int(match["a"]), int(match["b"]), int(match["c"])
        if len(match["a"]) == 4:
            return date(a, b, c)
        if len(match["a"]) == 3 or _may_begin_with_year(match):
            return None
        # no country writes the month first and points between
        day_first = self.day_first if self.day_first is not None else (True if match["mark"] == "." else None)
        if day_first is None and a <= 12 and b <= 12 and a != b:
            return None
        day, month = (a, b) if day_first or (day_first is None and a > 12) else (b, a)
        return date(c if len(match["c"]) == 4 else _century(c), month, day)

    def _named(self, text: str) -> date | None:
        """A date with the name of a month. Most columns repeat their days, so the slow parser sees each one once."""
        if not re.search(r"[^\W\d_]{3}", text) or not re.search(r"\d", text):
            return None
        if text not in self._days:
            if self._misses == MAX_MISSES:
                return None
            if len(self._days) > 50_000:
                self._days.clear()
            found = _parser().get_date_data(text).date_obj
            self._misses += found is None
            self._days[text] = found.date() if found else None
        return self._days[text]


def _check(format: str) -> None:
    try:
        datetime.strptime(datetime(2026, 11, 25).strftime(format), format)
    except (ValueError, re.error):
        raise InputError(f"--date-format: {format!r} is none of strptime's; write it as %d/%m/%Y %H:%M") from None
    parts = set(re.findall("%.", format))
    if "%M" in parts and not parts & {"%H", "%I"}:
        raise InputError(f"--date-format: in {format!r} %M is minutes; a month is %m")
    if not ("%j" in parts or (parts & {"%d"} and parts & {"%m", "%b", "%B"})) or not parts & {"%Y", "%y"}:
        raise InputError(f"--date-format: {format!r} lacks day, month or year; write it as %d/%m/%Y %H:%M")


def _iso(found: datetime, *, clock: bool) -> str:
    return found.isoformat() if clock else found.date().isoformat()


def _epoch(text: str) -> str | None:
    """Seconds or milliseconds since 1970; ten digits that begin with 1 reach from 2001 to 2033."""
    match = _EPOCH.fullmatch(text)
    return datetime.fromtimestamp(int(match["seconds"]), UTC).isoformat() if match else None


def _clock(text: str) -> tuple[time | None, tzinfo | None, str]:
    """The clock of a text and its zone, and the text without them; no clock where its instant would be a guess."""
    clock = _CLOCK.search(text)
    if clock is None:
        return None, None, text.strip(" ,")
    end, known, zone = clock.end(), True, None
    if (match := _ZONE.match(text, end)) and _is_zone(offset := _offset(match)):
        end, zone = match.end(), timezone(offset) if offset else UTC
    elif match := _RANGE.match(text, end) or match or _OTHER_ZONE.match(text, end):
        end, known = match.end(), False
    rest = " ".join(f"{text[: clock.start()]} {text[end:]}".split()).strip(" ,")
    if _CLOCK.search(rest):
        return None, None, ""
    return (_time(clock) if known else None), zone, rest


def _offset(match: re.Match[str]) -> timedelta:
    if match["utc"]:
        return timedelta()
    written = match["offset"] or match["from_utc"]
    digits = written[1:].replace(":", "")
    hours, minutes = (digits, "0") if len(digits) < 3 else (digits[:-2], digits[-2:])
    return (-1 if written[0] == "-" else 1) * timedelta(hours=int(hours), minutes=int(minutes))


def _is_zone(offset: timedelta | None) -> bool:
    return offset is None or abs(offset) <= timedelta(hours=_FARTHEST_ZONE)


def _may_begin_with_year(match: re.Match[str]) -> bool:
    """25-03-12 may be of 2025 or of 2012."""
    return len(match["a"]) < 3 and len(match["c"]) == 2 and match["mark"] == "-"


def _time(clock: re.Match[str]) -> time:
    hour = int(clock["h"])
    if clock["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of half a day")
        hour = hour % 12 + (12 if clock["half"].lower() == "p" else 0)
    return time(hour, int(clock["m"]), int(clock["s"] or 0))


def _century(year: int) -> int:
    """POSIX: 69 to 99 are of the last century."""
    return year + (1900 if year > 68 else 2000)


@cache
def _parser() -> Any:
    """Loaded at the first month's name: it takes a third of a second."""
    from dateparser.date import DateDataParser

    return DateDataParser(languages=list(LANGUAGES), settings=dict(_SETTINGS))
