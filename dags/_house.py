"""What the DAGs of this folder share: retries by kind of error, what is open inside a task, what a failure says.

No DAG stands here, and nothing is imported from `pipeline` before a task runs: a file of DAGs is parsed every few
seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, get_current_context
from structlog.contextvars import bind_contextvars

if TYPE_CHECKING:
    from pipeline.session import Session

log = logging.getLogger("verbatims")

TAGS = frozenset({"verbatims", "nightly", "housekeeping"})
"""All tags that a DAG here may carry; a test holds them to it."""

RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                "pipeline.errors.SettingsError",
                "pipeline.errors.InputError",
                "pipeline.errors.AccessDenied",
                "pipeline.errors.CheckFailed",
            ],
            action=RetryAction.FAIL,
            reason="somebody has to mend a setting, a key, the source or the rows: trying again changes nothing",
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
"""What is not named, such as an outage or a killed process, backs off: the installation's default_task_retry_delay
(five minutes), doubled each time."""

DAY = timedelta(days=1)


def defaults(timeout: timedelta) -> dict[str, Any]:
    """What every task here has, unless it says otherwise."""
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
def opened(*, reads: bool = False, asks: bool = False, shared: bool = False) -> Iterator[Session]:
    """Settings, store and telemetry, made inside the task's own process and closed with it, spans and metrics sent."""
    from pipeline.progress import Logged
    from pipeline.records import Task
    from pipeline.session import prepare

    ti = get_current_context()["ti"]
    task = Task(ti.dag_id, ti.task_id, ti.try_number, shared)
    with prepare(lambda _: Logged(log), reads=reads, asks=asks, task=task) as ready:
        yield ready


@contextmanager
def working(*, reads: bool = False, asks: bool = False, shared: bool = False) -> Iterator[tuple[Session, str]]:
    """The same, for the run of the day: gives its id too, and every log line says it, and its trace."""
    from pipeline.journey import begin

    with opened(reads=reads, asks=asks, shared=shared) as ready:
        name = ready.source.name if ready.source else "the store"
        run_id = begin(ready.context, name, day_of(get_current_context()))
        bind_contextvars(verbatims_run_id=run_id, trace_id=ready.context.store.runs.trace_id(run_id) or "none")
        yield ready, run_id


def day_of(context: Mapping[str, Any]) -> date:
    """The UTC day that a DAG run stands for."""
    return _moment(context).date()


def is_open(context: Mapping[str, Any]) -> bool:
    """Whether its sources are read: the day is the latest one. Later, and for a day gone by, the store is."""
    return datetime.now(UTC) < _moment(context) + DAY


def _moment(context: Mapping[str, Any]) -> datetime:
    run = context["dag_run"]
    moment: datetime = run.logical_date or run.run_after  # an asset or the API may trigger a run without a date
    # a day to come is not seen yet: what is read now would keep that date for good
    return min(moment.astimezone(UTC), datetime.now(UTC))


def say_failure(context: Mapping[str, Any]) -> None:
    """For whoever is on call: which stage, which run, which trace."""
    ti, error = context["ti"], context.get("exception")
    run_id, trace_id = _run_and_trace(context)
    log.error(
        "%s failed at stage %s, try %d: run %s, trace %s: %s",
        ti.dag_id,
        ti.task_id,
        ti.try_number,
        run_id,
        trace_id or "unknown",
        _what(error),
    )


def _what(error: BaseException | None) -> str:
    from pipeline.errors import VerbatimsError

    if error is None:
        return "its process was killed"
    # another's message may quote a verbatim or an address
    return str(error) if isinstance(error, VerbatimsError) else type(error).__name__


def _run_and_trace(context: Mapping[str, Any]) -> tuple[str, str | None]:
    from pipeline.settings import load_settings
    from pipeline.store import day_run_id, peek_store

    run_id = day_run_id(day_of(context))
    # whatever is wrong with the store, and that may be why the task failed: the line is said all the same
    with suppress(Exception):
        if store := peek_store(load_settings().store):
            try:
                return run_id, store.runs.trace_id(run_id)
            finally:
                store.close()
    return run_id, None
