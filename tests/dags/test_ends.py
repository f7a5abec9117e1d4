"""How runs end under the real scheduler when not all goes well, and what is left of them a month later."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from otlp_receiver import Receiver
from required import skip_or_fail
from stack.server import eventually

from .batch import tries
from .live import Airflow
from .night import RunEnvironment, create

pytestmark = pytest.mark.airflow

DAG, HOUSEKEEPING = "verbatims_daily", "verbatims_housekeeping"
LATENCY_S = 2.0
"""With four workers a run takes a minute: long enough for a killed one to be tried again meanwhile."""
WITHIN_S = 120.0


@pytest.fixture(scope="module")
def airflow(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """An installation without the servers that take its telemetry."""
    if find_spec("airflow") is None:
        skip_or_fail("Airflow is not installed (make test-airflow does it)")
    create(postgres, "airflow_alone")
    made = Airflow(tmp_path_factory.mktemp("airflow"), f"{postgres}/airflow_alone")
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def environment(airflow: Airflow, new_environment: Callable[..., RunEnvironment]) -> RunEnvironment:
    """The installation has started, and with it its first run."""
    made = new_environment(LATENCY_S)
    airflow.start()
    eventually(lambda: airflow.api.runs(DAG), WITHIN_S, "a new installation begins a run")
    return made


def test_a_worker_that_failed_counts_among_the_tries(
    environment: RunEnvironment, airflow: Airflow, receiver: Receiver
) -> None:
    airflow.set_env_file(**environment.settings, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    run = airflow.api.runs(DAG)[0]["dag_run_id"]
    victim = worker(airflow, environment, run, try_number=1)
    os.kill(victim["pid"], signal.SIGKILL)
    again = worker(airflow, environment, run, try_number=2)
    # it runs before its code has been read
    eventually(lambda: airflow.api.xcom(DAG, run, again, "try") == 2, WITHIN_S, "its first line")
    airflow.api.mark_failed(DAG, run, again)
    assert airflow.api.ended(DAG, run) == "failed"
    assert {task["state"] for task in airflow.api.tasks(DAG, run, "analyse")} == {"success", "failed"}
    assert tries(receiver)["analyse"] == 2


def test_a_run_whose_time_is_up_says_so_and_its_records_go_after_a_month(
    environment: RunEnvironment,
    airflow: Airflow,
    new_environment: Callable[..., RunEnvironment],
    postgres: str,
    receiver: Receiver,
) -> None:
    for earlier in airflow.api.runs(DAG):  # one run at a time
        airflow.api.ended(DAG, earlier["dag_run_id"])
    slow = new_environment(LATENCY_S, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    run = airflow.api.trigger(DAG)
    worker(airflow, slow, run, try_number=1)
    trace_id = slow.one("SELECT split_part(trace_parent, '-', 2) FROM runs")
    began(postgres, run, "23 hours")
    assert airflow.api.ended(DAG, run) == "failed"
    assert "skipped" in {task["state"] for task in airflow.api.tasks(DAG, run, "analyse")}
    line = f"{DAG} failed: run {slow.one('SELECT run_id FROM runs')}, trace {trace_id}, reason timed out"
    logs = airflow.folder / "home" / "logs"
    eventually(lambda: said(logs / "dag_processor", line), WITHIN_S, "the dag-processor says it")

    began(postgres, run, "31 days")
    [of_run] = (logs / f"dag_id={DAG}").glob(f"run_id={run}")
    eventually(lambda: quiet(of_run), WITHIN_S, "its workers have ended")
    for file in of_run.rglob("*.log"):
        os.utime(file, (0, 0))
    kept = {one["dag_run_id"] for one in airflow.api.runs(DAG)} - {run}
    keeper = airflow.api.trigger(HOUSEKEEPING)
    assert airflow.api.ended(HOUSEKEEPING, keeper) == "success"
    assert {task["state"] for task in airflow.api.tasks(HOUSEKEEPING, keeper)} == {"success"}
    assert {one["dag_run_id"] for one in airflow.api.runs(DAG)} == kept
    assert not list(of_run.rglob("*.log"))
    assert len(list((logs / f"dag_id={DAG}").rglob("*.log"))) > 5


def test_a_day_gone_by_of_which_nothing_is_held_is_skipped(environment: RunEnvironment, airflow: Airflow) -> None:
    run = airflow.api.trigger(DAG, day="2026-02-03T02:00:00Z")
    assert airflow.api.ended(DAG, run) == "success"
    assert {task["state"] for task in airflow.api.tasks(DAG, run)} == {"skipped"}
    assert environment.one("SELECT count(*) FROM runs WHERE run_id = 'day-2026-02-03'") == 0


def worker(airflow: Airflow, environment: RunEnvironment, run: str, try_number: int) -> dict[str, Any]:
    """A worker in that try, once answers have come."""

    def found() -> dict[str, Any] | None:
        running = [task for task in airflow.api.tasks(DAG, run, "analyse") if task["state"] == "running"]
        ready = [task for task in running if task["try_number"] == try_number and task["pid"]]
        return ready[0] if ready and environment.bills() > 20 else None

    return eventually(found, WITHIN_S, f"a worker in try {try_number}", every_s=0.5)


def began(postgres: str, run: str, ago: str) -> None:
    """Let Airflow think that the run has begun so long ago."""
    with psycopg.connect(f"{postgres}/airflow_alone") as connection:
        moved = "UPDATE dag_run SET start_date = now() - %s::interval WHERE run_id = %s"
        assert connection.execute(moved, (ago, run)).rowcount == 1


def said(folder: Path, line: str) -> bool:
    return any(line in file.read_text(encoding="utf-8") for file in folder.rglob("*.log"))


def quiet(folder: Path) -> bool:
    """Whether nothing has been written for some seconds: a worker waits for its calls in flight before it ends."""
    return max(file.stat().st_mtime for file in folder.rglob("*.log")) < time.time() - 4 * LATENCY_S
