"""Runs every night: erases texts older than the retention from store and warehouse, and keeps all counts.

Beside it, Airflow's own logs and records are trimmed, which nothing else does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import _trim
from _house import WITH_FILES, defaults, opened, say_run_failure
from _moments import LONGEST
from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

DATABASE = "AIRFLOW_DATABASE_TO_TRIM"
"""The variable with the address of Airflow's database.

A task has none of its own: Airflow takes it away, since tasks have no business there. Who runs the scheduler allows it
for this one by setting the variable.
"""

CLEAN = ["db", "clean", "--yes", "--skip-archive", "--error-on-cleanup-failure", "--clean-before-timestamp"]


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
        ),
        "airflow_days": Param(
            30, type="integer", minimum=1, description="How long Airflow's logs and records of runs are kept, in days."
        ),
    },
    tags=["verbatims", "housekeeping"],
    doc_md=Path(__file__).with_suffix(".md").read_text(encoding="utf-8"),
)
def verbatims_housekeeping() -> None:
    # side by side: whether one fails says nothing of the others
    expire()
    trim_logs()
    trim_records()


@task(**WITH_FILES)
def expire() -> int:
    """Erase texts, quotes, summaries and raw answers by age; returns the number of texts."""
    from pipeline import retention

    days: int | None = get_current_context()["params"]["days"]
    with opened() as session:
        kept = days or session.settings.retention_days
        return retention.expire(session, retention.first_day_kept(kept))


@task
def trim_logs() -> int:
    """Remove old logs of tasks and of the dag-processor, of all DAGs; returns how many."""
    from airflow.configuration import conf

    return _trim.trim_logs(Path(conf.get_mandatory_value("logging", "base_log_folder")), _first_moment_kept())


@task
def trim_records() -> None:
    """Delete what Airflow's database has on old runs, of all DAGs; the last scheduled run of each stays."""
    from pipeline.errors import TransientError

    database = os.environ.get(DATABASE)
    if not database:
        raise AirflowSkipException(f"{DATABASE} is not set: nothing is deleted")
    ended = subprocess.run(
        [sys.executable, "-m", "airflow", *CLEAN, str(_first_moment_kept())],
        env={**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database},
    )
    if ended.returncode:
        raise TransientError(f"airflow db clean ended with {ended.returncode}: the lines above say why")


def _first_moment_kept() -> datetime:
    days: int = get_current_context()["params"]["airflow_days"]
    return datetime.now(UTC) - timedelta(days=days)


verbatims_housekeeping()
