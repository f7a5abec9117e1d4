"""Which day a DAG run of this folder is for, and until when: rules on times, without Airflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

HOUR = 2
"""When the night starts, UTC."""

LONGEST = timedelta(hours=22)
"""How long a run of a DAG may take: it ends before the next night starts."""

_DATE_OF_A_RUN_ID = re.compile(r"__(\d{4}-\d\d-\d\dT[^_]+)")


def next_start(moment: datetime) -> datetime:
    """The first scheduled start of the night behind a moment."""
    start = moment.astimezone(UTC).replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return start if start > moment else start + timedelta(days=1)


def is_open(context: Mapping[str, Any], now: datetime | None = None) -> bool:
    """Whether the sources are read for the DAG run: until the next night starts, which reads them for its own day.

    From then on the run's day has gone by, and what the store has of it is used.
    """
    now = now or datetime.now(UTC)
    return now < next_start(_moment(context, now))


def day_of(context: Mapping[str, Any], now: datetime | None = None) -> date:
    """The UTC day of a DAG run. Raises ValueError where a callback is told no more than an id without a date."""
    return _moment(context, now or datetime.now(UTC)).date()


def _moment(context: Mapping[str, Any], now: datetime) -> datetime:
    run = context.get("dag_run")
    # an asset or the API may trigger a run without a date
    moment: datetime = (run.logical_date or run.run_after) if run else _dated(context["run_id"])
    # not in the future: the verbatims read now would keep that date for good
    return min(moment.astimezone(UTC), now)


def _dated(run_id: str) -> datetime:
    found = _DATE_OF_A_RUN_ID.search(run_id)
    if found is None:
        raise ValueError(f"run {run_id}: no date in its id")
    return datetime.fromisoformat(found[1])
