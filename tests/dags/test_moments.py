"""Which night a DAG run belongs to, and until when: rules without Airflow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from _moments import HOUR, LONGEST, day_of, is_open, next_start

NIGHT = datetime(2026, 3, 10, HOUR, tzinfo=UTC)


def context(moment: datetime | None, run_after: datetime = NIGHT) -> dict[str, Any]:
    return {"dag_run": SimpleNamespace(logical_date=moment, run_after=run_after)}


@pytest.mark.parametrize(
    ("moment", "at", "expected"),
    [
        ("02:00", "02:00", True),
        ("02:00", "23:59", True),
        ("02:00", "25:59", True),
        ("02:00", "26:00", False),
        ("01:00", "01:59", True),
        ("01:00", "02:30", False),
        ("09:00", "25:59", True),
        ("09:00", "26:00", False),
        ("09:00", "32:59", False),
    ],
)
def test_a_run_reads_its_sources_until_the_next_night_starts(moment: str, at: str, expected: bool) -> None:
    assert is_open(context(clock(moment)), clock(at)) is expected


def test_a_run_without_a_date_counts_from_when_it_was_triggered() -> None:
    triggered = context(None, clock("09:00"))
    assert is_open(triggered, clock("25:59")) and not is_open(triggered, clock("26:00"))
    assert day_of(triggered, clock("40:00")) == NIGHT.date()


def test_a_run_of_the_future_is_todays() -> None:
    ahead = context(NIGHT + timedelta(days=9))
    assert day_of(ahead, clock("09:00")) == NIGHT.date() and is_open(ahead, clock("09:00"))


def test_the_next_night_starts_after_the_moment_whatever_its_zone() -> None:
    assert next_start(NIGHT) == NIGHT + timedelta(days=1)
    assert next_start(NIGHT - timedelta(microseconds=1)) == NIGHT
    assert next_start(NIGHT.astimezone(timezone(timedelta(hours=-9)))) == NIGHT + timedelta(days=1)
    assert next_start(datetime(2026, 12, 31, 9, tzinfo=UTC)) == datetime(2027, 1, 1, HOUR, tzinfo=UTC)


def test_a_run_ends_before_the_next_night_starts() -> None:
    assert next_start(NIGHT) > NIGHT + LONGEST


@pytest.mark.parametrize(
    ("run_id", "expected"),
    [
        ("scheduled__2026-03-09T02:00:00+00:00", date(2026, 3, 9)),
        ("manual__2026-03-09T23:30:00.123456-02:00", date(2026, 3, 10)),
        ("manual__2026-03-09T09:00:00.123456+00:00_Ab12", date(2026, 3, 9)),
    ],
)
def test_a_callback_without_a_dag_run_takes_the_day_from_its_id(run_id: str, expected: date) -> None:
    assert day_of({"run_id": run_id}, clock("40:00")) == expected


def test_a_callback_that_is_told_only_a_name_knows_no_day() -> None:
    with pytest.raises(ValueError, match="by hand"):
        day_of({"run_id": "by hand"}, clock("40:00"))


def clock(text: str) -> datetime:
    """A time of the night's day; 26:00 is two o'clock on the next."""
    hours, minutes = text.split(":")
    return NIGHT.replace(hour=0) + timedelta(hours=int(hours), minutes=int(minutes))
