"""Puts moments into a few bins: a picture of a night and one of ten years have as many marks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import islice

MOST_PERIODS = 26
"""Half a year of weeks: what fits beside its numbers on a phone."""

MOST_MOMENTS = 24
MINUTE = len("2026-01-01T00:00")


class Period(StrEnum):
    """How long a bin of days is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_FIRST_OF: dict[Period, Callable[[date], date]] = {
    Period.DAY: lambda day: day,
    Period.WEEK: lambda day: day - timedelta(days=day.weekday()),
    Period.MONTH: lambda day: day.replace(day=1),
    Period.YEAR: lambda day: day.replace(month=1, day=1),
}


def period_of(days: Collection[date]) -> Period:
    """The shortest period of which no more than MOST_PERIODS lie between these days; years, however many."""
    for period in Period:
        if len(list(islice(_periods(period, days), MOST_PERIODS + 1))) <= MOST_PERIODS:
            return period
    return Period.YEAR


def periods(period: Period, days: Collection[date]) -> list[date]:
    """The first day of each period from the earliest to the latest of these days, empty ones among them."""
    return list(_periods(period, days))


def _periods(period: Period, days: Collection[date]) -> Iterator[date]:
    if not days:
        return
    first, last = first_of(period, min(days)), first_of(period, max(days))
    yield first
    while first < last:
        # the next period holds the day that is one longest period later
        first = first_of(period, first + timedelta(days=_DAYS[period]))
        yield first


_DAYS = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31, Period.YEAR: 366}


def first_of(period: Period, day: date) -> date:
    """The first day of the period in which a day lies; weeks begin on Monday."""
    return _FIRST_OF[period](day)


class Moments:
    """Equal spans between the first and the last of some moments, MOST_MOMENTS at most.

    Of whole minutes where the moments say no more than the minute, else of whole seconds.
    """

    def __init__(self, moments: Collection[str]) -> None:
        found = sorted(map(moment, moments))
        self._first = found[0] if found else datetime.min.replace(tzinfo=UTC)
        step = timedelta(minutes=1) if any(len(one) <= MINUTE for one in moments) else timedelta(seconds=1)
        steps = (found[-1] - self._first) // step + 1 if found else 1
        self.length = step * -(-steps // MOST_MOMENTS)
        """Of each span."""

    def start_of(self, when: str) -> datetime:
        """The start of the span in which a moment lies."""
        return self._first + (moment(when) - self._first) // self.length * self.length


def moment(text: str) -> datetime:
    """An ISO instant of the store, which writes UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
