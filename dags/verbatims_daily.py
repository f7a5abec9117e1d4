"""Every night: scrape, clean, analyse in parallel, load, publish. The work itself is in `pipeline/journey.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _house import defaults, is_open, working
from airflow.sdk import Asset, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

ANALYSED = Asset("verbatims_analysed")
"""Whoever reads the rows waits for this: a run has come to its end and its rows are in the warehouse."""


@dag(
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),  # in the past: a new installation makes up for last night at once
    catchup=False,  # and for no night before: those have nothing of their own, what is new is read with the last
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=22),  # the next night finds the way free
    is_paused_upon_creation=False,
    default_args=defaults(timeout=timedelta(hours=2)),
    params={
        "limit": Param(
            None, type=["null", "integer"], minimum=1, description="Read the first so many records only; empty: all."
        ),
        "workers": Param(4, type="integer", minimum=1, maximum=64, description="Processes that ask Claude at once."),
    },
    tags=["verbatims", "nightly"],
    doc_md=Path(__file__).with_suffix(".md").read_text(encoding="utf-8"),
)
def verbatims_daily() -> None:
    workers = clean()
    answered = analyse.expand(worker=workers)
    scrape() >> workers
    analysed(answered)
    answered >> load() >> publish()


@task
def scrape() -> None:
    """Read the sources, or, for a day gone by, what the store has of it."""
    from pipeline import journey

    context = get_current_context()
    reads = is_open(context)
    with working(reads=reads) as (ready, run_id):
        journey.scrape(ready.context, run_id, ready.source, context["params"]["limit"])


@task
def clean() -> list[int]:
    """Put aside what is not worth a call; gives the numbers of the workers that the rest is worth."""
    from pipeline import journey

    wanted: int = get_current_context()["params"]["workers"]
    with working() as (ready, run_id):
        left = journey.clean(ready.context, run_id)
    return list(range(1, min(wanted, max(left, 1)) + 1))


@task(map_index_template="worker {{ worker }}", execution_timeout=timedelta(hours=12))
def analyse(worker: int) -> int:
    """One of several that claim texts from the run until none is left; gives the try that it came to its end with."""
    from pipeline import journey
    from pipeline.errors import TransientError

    ti = get_current_context()["ti"]
    with working(asks=True, shared=True) as (ready, run_id):
        left = journey.analyse(ready.context, run_id)
    if left and ti.try_number <= ti.max_tries:  # the last try leaves them to whoever clears this task
        raise TransientError(f"{left} verbatims met a passing error: they are asked again")
    return int(ti.try_number)


@task(trigger_rule="all_done")
def analysed(tries: Sequence[int]) -> None:
    """Say once, over all workers, how the stage went."""
    from pipeline import journey
    from pipeline.records import Stage

    context = get_current_context()
    ti = context["ti"]
    crumbs = [c for c in ti.get_task_breadcrumbs(ti.dag_id, ti.run_id) if c["task_id"] == "analyse" and c["duration"]]
    if not crumbs:
        raise AirflowSkipException("no worker has worked")
    with working() as (ready, run_id):
        journey.report(
            replace(ready.context, task=replace(ready.context.task, try_number=max(tries[:], default=1))),
            Stage.ANALYSE,
            run_id,
            succeeded=all(crumb["state"] == "success" for crumb in crumbs),
            duration_s=max(crumb["duration"] for crumb in crumbs),
        )


@task
def load() -> None:
    """Bring the rows into the warehouse."""
    from pipeline import journey

    with working() as (ready, run_id):
        journey.load(ready.context, run_id)


@task(outlets=[ANALYSED])
def publish() -> None:
    """The day is done: whoever waits for the asset may read."""
    from pipeline import journey

    with working() as (ready, run_id):
        counts = journey.publish(ready.context, run_id)
    events: Any = get_current_context()["outlet_events"]
    events[ANALYSED].extra = {"run_id": run_id, **asdict(counts)}


verbatims_daily()
