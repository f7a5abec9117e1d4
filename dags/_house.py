"""Shared by the DAGs of this folder: retries by kind of error, the session of a task, the log lines of a failure.

Defines no DAG, and imports `pipeline` only inside tasks: Airflow parses this folder every few seconds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from _moments import LONGEST, day_of, is_open, next_start
from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, get_current_context
from airflow.sdk.exceptions import AirflowSkipException
from structlog.contextvars import bind_contextvars

if TYPE_CHECKING:
    from pipeline.session import Session

log = logging.getLogger("verbatims")

TAGS = frozenset({"verbatims", "nightly", "weekly", "housekeeping"})
"""All tags that a DAG may have; a test checks it."""

FILES_QUEUE = os.environ.get("AIRFLOW_FILES_QUEUE", "")
"""Celery's queue of the one machine that keeps the files, where several work: a SQLite warehouse and the reports.

Empty: whoever takes a task reaches them. SQLite's write-ahead log needs one machine (sqlite.org/wal.html), so a shared
disk does not do.
"""

WITH_FILES: dict[str, Any] = {"queue": FILES_QUEUE} if FILES_QUEUE else {}
"""Options of a task that uses these files. Only the CeleryExecutor looks at a queue."""

RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                "pipeline.errors.SettingsError",
                "pipeline.errors.InputError",
                "pipeline.errors.AccessDenied",
                "pipeline.errors.CheckFailed",
                "pipeline.errors.StoreRejection",
                "pipeline.errors.StoreFault",
                "pipeline.errors.TooManyFailures",
                "pipeline.errors.SpendLimitReached",
                "pipeline.errors.BudgetUsedUp",
            ],
            action=RetryAction.FAIL,
            reason="a setting, a key, a budget, the source or the rows need a fix: a retry changes nothing",
        ),
        RetryRule(
            exception="pipeline.errors.RateLimited",
            retry_delay=timedelta(minutes=5),
            reason="Claude counts per minute: a few minutes are enough, and backing off further wastes the night",
        ),
        RetryRule(
            exception="pipeline.errors.Interrupted",
            retry_delay=timedelta(seconds=10),
            reason="the machine asked it to end; what was in flight is stored",
        ),
    ]
)
"""All other errors, such as an outage or a killed process, are retried with a growing delay.

It starts with the installation's default_task_retry_delay (five minutes) and doubles each time.
"""


def defaults(timeout: timedelta) -> dict[str, Any]:
    """Default arguments of every task."""
    return {
        "owner": "verbatims",
        "retries": 3,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(hours=1),
        "retry_policy": RETRIES,
        "execution_timeout": timeout,
        "on_failure_callback": say_failure,
    }


@contextmanager
def opened(
    *, reads: bool = False, asks: bool = False, shared: bool = False, due: datetime | None = None
) -> Iterator[Session]:
    """Open settings, store and telemetry for the task, and close them at its end, when spans and metrics are sent.

    `due` is when the next run starts.
    """
    # inside the task: Airflow forks it, and telemetry started before a fork is lost
    from pipeline.progress import Logged
    from pipeline.records import Task
    from pipeline.session import open_session

    context = get_current_context()
    ti, reaches_files = context["ti"], not FILES_QUEUE or context["task"].queue == FILES_QUEUE
    task = Task(ti.dag_id, ti.task_id, ti.try_number, shared, due, due + LONGEST if due else None)
    given = {"reads": reads, "asks": asks, "task": task, "checks_warehouse": reaches_files}
    with without_words(), open_session(lambda _: Logged(log), **given) as session:
        yield session


@contextmanager
def without_words() -> Iterator[None]:
    """Airflow logs an error with all those behind it, and a foreign one may quote a verbatim or a URL."""
    from pipeline.errors import TransientError, VerbatimsError
    from pipeline.traces import trace_of

    try:
        yield
    except AirflowSkipException:
        raise
    except Exception as error:
        log.error("%s", trace_of(error))
        if isinstance(error, VerbatimsError):
            raise error from None
        raise TransientError(f"unexpected {type(error).__name__}") from None


@contextmanager
def working(*, reads: bool = False, asks: bool = False, shared: bool = False) -> Iterator[tuple[Session, str]]:
    """Open the session and the day's run; yields its id too, and adds it and its trace to every log line."""
    from pipeline.journey import start_run

    context = get_current_context()
    due = next_start(datetime.now(UTC)) if is_open(context) else None
    with opened(reads=reads, asks=asks, shared=shared, due=due) as session:
        name = session.source.name if session.source else "the store"
        run_id = start_run(session, name, day_of(context))
        bind_contextvars(verbatims_run_id=run_id, trace_id=session.store.runs.trace_id(run_id) or "none")
        yield session, run_id


def say_failure(context: Mapping[str, Any]) -> None:
    """Log the stage, run and trace of a failure for the person on call."""
    ti, error = context["ti"], context.get("exception")
    run_id, trace_id = _run_and_trace(context)
    log.error(
        "%s failed at stage %s, try %d: run %s, trace %s: %s",
        ti.dag_id,
        ti.task_id,
        ti.try_number,
        run_id,
        trace_id or "unknown",
        _describe(error),
    )


def say_run_failure(context: Mapping[str, Any]) -> None:
    """Log that a DAG run failed. When its time is up Airflow marks its tasks as skipped, and none says a word."""
    run_id, trace_id = _run_and_trace(context)
    reason = str(context.get("reason") or "unknown").replace("_", " ")
    log.error("%s failed: run %s, trace %s, reason %s", context["dag"].dag_id, run_id, trace_id or "unknown", reason)


def _describe(error: BaseException | None) -> str:
    from pipeline.errors import VerbatimsError

    if error is None:
        return "its process was killed"
    # messages of other errors may quote a verbatim or a URL
    return str(error) if isinstance(error, VerbatimsError) else type(error).__name__


def _run_and_trace(context: Mapping[str, Any]) -> tuple[str, str | None]:
    from pipeline.settings import load_settings
    from pipeline.store import peek_store

    run_id = _run_of(context)
    # the store may be the reason of the failure, which has to be logged all the same
    with suppress(Exception):
        if store := peek_store(load_settings(asks=False).store):
            try:
                return run_id, store.runs.trace_id(run_id)
            finally:
                store.close()
    return run_id, None


def _run_of(context: Mapping[str, Any]) -> str:
    from pipeline.store import day_run_id

    try:
        return day_run_id(day_of(context))
    except ValueError:  # its id was chosen by hand, and nothing else is known of it
        return str(context["run_id"])
