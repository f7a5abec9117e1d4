"""Runs every night: erases texts older than the retention from store and warehouse, and keeps all counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from _house import defaults, opened, say_run_failure
from _moments import LONGEST
from airflow.sdk import Param, dag, get_current_context, task


@dag(
    schedule="0 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=LONGEST,
    on_failure_callback=say_run_failure,
    is_paused_upon_creation=False,
    default_args=defaults(timeout=timedelta(hours=2)),
    params={
        "days": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            description="How long texts are kept, in days; empty: VERBATIMS_RETENTION_DAYS.",
        )
    },
    tags=["verbatims", "housekeeping"],
    doc_md=Path(__file__).with_suffix(".md").read_text(encoding="utf-8"),
)
def verbatims_housekeeping() -> None:
    expire()


@task
def expire() -> int:
    """Erase texts, quotes, summaries and raw answers by age; returns the number of texts."""
    from pipeline import retention

    days: int | None = get_current_context()["params"]["days"]
    with opened() as session:
        kept = days or session.settings.retention_days
        return retention.expire(session, retention.first_day_kept(kept))


verbatims_housekeeping()
