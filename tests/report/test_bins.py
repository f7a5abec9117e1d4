"""Moments are put into a few bins, and none is lost."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.bins import MOST_MOMENTS, MOST_PERIODS, Moments, Period, first_of, period_of, periods

DAYS = st.lists(st.dates(date(1900, 1, 1), date(2100, 1, 1)), min_size=1, max_size=30)
MOMENTS = st.lists(st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)), min_size=1, max_size=30)


@given(DAYS)
def test_each_day_is_in_one_of_few_periods_without_a_gap(days: list[date]) -> None:
    period = period_of(days)
    found = periods(period, days)
    assert period is Period.YEAR or len(found) <= MOST_PERIODS
    assert found == sorted(set(found)) and {first_of(period, day) for day in days} <= set(found)
    # the day before each period is in the one before it
    assert [first_of(period, first - timedelta(days=1)) for first in found[1:]] == found[:-1]


def test_the_shortest_period_that_fits_is_taken() -> None:
    start = date(2026, 1, 5)
    wanted = {26: Period.DAY, 27: Period.WEEK, 26 * 7: Period.WEEK, 27 * 7: Period.MONTH, 800: Period.YEAR}
    assert {n: period_of([start, start + timedelta(days=n - 1)]) for n in wanted} == wanted
    assert period_of([]) is Period.DAY and periods(Period.DAY, []) == []


@given(MOMENTS)
def test_each_moment_is_in_one_of_few_spans_of_equal_length(moments: list[datetime]) -> None:
    said = [moment.replace(microsecond=0).isoformat() for moment in moments]
    spans = Moments(said)
    starts = [spans.start_of(one) for one in said]
    for one, start in zip(said, starts, strict=True):
        assert start <= datetime.fromisoformat(one).replace(tzinfo=UTC) < start + spans.length
    assert len(set(starts)) <= MOST_MOMENTS and {(start - starts[0]) % spans.length for start in starts} == {
        timedelta()
    }


@given(MOMENTS)
def test_moments_that_say_only_the_minute_have_spans_of_whole_minutes(moments: list[datetime]) -> None:
    """Else calls of one minute would stand in the span of its first second."""
    assert (
        Moments([moment.isoformat(timespec="minutes") for moment in moments]).length % timedelta(minutes=1)
        == timedelta()
    )
