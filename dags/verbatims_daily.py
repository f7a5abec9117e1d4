"""Runs every night: scrape, clean, analyse in parallel, load, publish, report. `pipeline/journey.py` does the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from _house import WITH_FILES, defaults, log, opened, say_run_failure, without_words, working
from _moments import HOUR, LONGEST, day_of, is_open
from airflow.sdk import Asset, BaseOperator, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

ANALYSED = Asset("verbatims_analysed")
"""Updated when a run has ended and its rows are in the warehouse: DAGs that read them can be scheduled on it."""

TRY = "try"
"""The XCom by which a worker says which try it is."""

ROUNDS = 3
"""How often a task sends what is pending in batches: what expires or fails then is left to the next try."""

BATCH = timedelta(hours=26)
"""How long a task waits for batches, which end or expire within 24 h."""


@dag(
    schedule=f"0 {HOUR} * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),  # in the past: a new installation runs last night's at once
    catchup=False,  # not the nights before: the last one reads everything that is new
    max_active_runs=1,
    dagrun_timeout=LONGEST,
    on_failure_callback=say_run_failure,
    is_paused_upon_creation=False,
    default_args=defaults(timeout=timedelta(hours=2)),
    params={
        "limit": Param(
            None, type=["null", "integer"], minimum=1, description="Read the first so many records only; empty: all."
        ),
        "workers": Param(4, type="integer", minimum=1, maximum=64, description="Processes that ask Claude at once."),
        "mode": Param(
            "live",
            type="string",
            enum=["live", "batch"],
            description="live: Claude is asked at once; batch: in Message Batches, at half the price, within 24 hours.",
        ),
    },
    tags=["verbatims", "nightly"],
    doc_md=Path(__file__).with_suffix(".md").read_text(encoding="utf-8"),
)
def verbatims_daily() -> None:
    workers = clean()
    answered = Analyse.partial(
        task_id="analyse", map_index_template="worker {{ task.worker }}", execution_timeout=timedelta(hours=12)
    ).expand(worker=workers)
    scrape() >> workers
    answered >> analysed()
    # a teardown: it runs after a failure too, and does not turn a failed night into a good one
    answered >> load() >> publish() >> report().as_teardown()


@task
def scrape() -> None:
    """Read the sources; for a past day, use what the store has of it, and skip the run if that is nothing."""
    from pipeline import journey

    context = get_current_context()
    reads = is_open(context)
    if not reads:
        _expect_rows_of(day_of(context))
    with working(reads=reads) as (session, run_id):
        journey.scrape(session, run_id, session.source, context["params"]["limit"])


def _expect_rows_of(day: date) -> None:
    """Skip a day gone by of which nothing is left to do: no run is noted, no metrics sent, no asset updated."""
    # before a stage begins: its end alone would refresh the metrics that an alert waits for
    with opened() as session:
        held = session.store.texts.holds(day)
        if held:
            session.progress.say(f"{day} has gone by: its verbatims come from the store, and no source is read")
    if not held:
        line = f"{day} has gone by and the store holds nothing of it: there is nothing to do"
        log.warning(line)
        raise AirflowSkipException(line)


@task
def clean() -> list[int]:
    """Skip verbatims that are not worth a call; returns the numbers of the workers for the rest."""
    from pipeline import journey

    params = get_current_context()["params"]
    wanted: int = params["workers"] if params["mode"] == "live" else 1
    with working() as (session, run_id):
        left = journey.clean(session, run_id)
    # no more workers than verbatims, but at least one: without any, the tasks that follow would be skipped
    return list(range(1, min(wanted, max(left, 1)) + 1))


class Analyse(BaseOperator):
    """Claims and analyses texts of the run until none is left; in batches it is deferred while Claude works on them."""

    def __init__(self, worker: int, **options: Any) -> None:
        super().__init__(**options)
        self.worker = worker

    def execute(self, context: Any) -> None:
        """Ask live, or send the first batches."""
        ti = context["ti"]
        ti.xcom_push(TRY, ti.try_number)  # now: a worker that fails returns nothing
        if context["params"]["mode"] == "batch":
            self.step(context, None, rounds=ROUNDS)
        else:
            self._ask(ti)

    def step(self, context: Any, event: Any, rounds: int) -> None:
        """Store what has ended, send what is pending in so many rounds, and wait for the rest without a worker."""
        from pipeline import journey
        from pipeline.airflow.batches import BatchesEnded

        with working(asks=True, shared=True) as (session, run_id):
            ids, more = journey.send_or_collect(session, run_id, sends=rounds > 0)
            left = session.store.texts.count_pending(run_id)
        if ids:
            rounds -= not more  # what the budget could not pay for yet costs no round
            self.defer(trigger=BatchesEnded(ids), method_name="step", kwargs={"rounds": rounds}, timeout=BATCH)
        self._expect_none(left, context["ti"])

    def _ask(self, ti: Any) -> None:
        from pipeline import journey

        with working(asks=True, shared=True) as (session, run_id):
            left = journey.analyse(session, run_id)
        self._expect_none(left, ti)

    def _expect_none(self, left: int, ti: Any) -> None:
        from pipeline.errors import TransientError

        if left and ti.try_number <= ti.max_tries:  # the last try leaves them pending, until somebody clears the task
            raise TransientError(f"{left} verbatims met a passing error: they are asked again")


@task(trigger_rule="all_done")
def analysed() -> None:
    """Report the result of the stage once for all workers."""
    # mapped tasks share a group of the Pushgateway: if each pushed, the last one would replace the others
    from pipeline import journey
    from pipeline.records import Stage

    workers = _ended_workers()
    if not workers:
        raise AirflowSkipException("no worker has worked")
    with working() as (session, run_id):
        journey.report(
            replace(session, task=replace(session.task, try_number=_last_try(workers))),
            Stage.ANALYSE,
            run_id,
            succeeded=all(worker["state"] == "success" for worker in workers),
            duration_s=max(worker["duration"] for worker in workers),
        )


def _ended_workers() -> list[dict[str, Any]]:
    """State, duration and map_index of each worker that has worked."""
    ti = get_current_context()["ti"]
    tasks: list[dict[str, Any]] = ti.get_task_breadcrumbs(ti.dag_id, ti.run_id)
    ended = ("success", "failed")  # one that was skipped may still have the duration of an earlier try
    return [one for one in tasks if one["task_id"] == "analyse" and one["state"] in ended and one["duration"]]


def _last_try(workers: Sequence[Mapping[str, Any]]) -> int:
    """The highest number of a try, of those that failed too."""
    # Airflow's breadcrumbs have none; a worker that was killed before its first line has left none either
    indexes = [worker["map_index"] for worker in workers]
    tries = get_current_context()["ti"].xcom_pull("analyse", key=TRY, map_indexes=indexes, default=1)
    return max(map(int, tries))


@task(**WITH_FILES)
def load() -> None:
    """Load the rows into the warehouse."""
    from pipeline import journey

    with working() as (session, run_id):
        journey.load(session, run_id)


@task(outlets=[ANALYSED], **WITH_FILES)
def publish() -> None:
    """Check the rows and update the asset, so that DAGs that wait for it start."""
    from pipeline import journey

    with working() as (session, run_id):
        counts = journey.publish(session, run_id)
    events: Any = get_current_context()["outlet_events"]
    events[ANALYSED].extra = {"run_id": run_id, **asdict(counts)}


# one quick retry: until it has ended, a failed night is not said to have failed
@task(retries=1, retry_delay=timedelta(seconds=10), **WITH_FILES)
def report() -> None:
    """Write the day's report for people, of a night that failed too."""
    from pipeline.errors import SettingsError
    from pipeline.report.drawing import require
    from pipeline.report.writing import write_report
    from pipeline.settings import load_settings
    from pipeline.store import day_run_id, peek_store

    run_id = day_run_id(day_of(get_current_context()))
    with without_words():
        settings = load_settings(asks=False)
        store = peek_store(settings.store)
        if store is None:
            raise AirflowSkipException("there is no store, and nothing to report")
        with closing(store):
            if not store.runs.is_known(run_id):
                raise AirflowSkipException(f"the store has no run {run_id}, and nothing to report")
            try:
                require()
            except SettingsError as error:
                raise AirflowSkipException(str(error)) from None
            log.info("report: %s", write_report(store, settings, run_id))


verbatims_daily()
