"""A night on two hosts with Celery, and a night on which one of them dies.

A host is a network namespace with a cable to a bridge, and namespaces of its own for processes, mounts and its name:
it has its own folder, sees nobody else's, and reaches the store, the broker, Airflow's API, the Collector and the
sandbox over the network alone. It is told neither Airflow's database nor what signs its tokens. The warehouse is a
SQLite file of host `one`, whose worker alone takes what is queued for files. `dags/` and `pipeline/` are the
checkout's, as in an image.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from dags.night import IN_FLIGHT, RunEnvironment
from stack.counts import counter_increases, store_counts
from stack.server import eventually
from stack.stack import Stack

from .installation import TASKS, Installation

pytestmark = pytest.mark.celery

DAG = "verbatims_daily"
SEEN_WITHIN_S = 60.0
RUN_WITHIN_S = 480.0
"""A run takes 60 s on two idle cores; one that loses a host waits for 60 s more, as long as a lease."""
WITH_FILES = ("load", "publish", "report")


@pytest.fixture(scope="module")
def first(
    installation: Installation, new_environment: Callable[..., RunEnvironment], stack: Stack
) -> tuple[RunEnvironment, str]:
    """The first run, which a new installation starts by itself, after its end."""
    environment = new_environment(1.0, OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp_endpoint)
    installation.start()
    [begun] = eventually(lambda: installation.airflow.api.runs(DAG), SEEN_WITHIN_S, "a new installation begins a run")
    assert installation.airflow.api.ended(DAG, begun["dag_run_id"], RUN_WITHIN_S) == "success"
    return environment, begun["dag_run_id"]


def test_both_hosts_analyse_one_night_and_its_rows_and_bills_are_exact(
    first: tuple[RunEnvironment, str], installation: Installation
) -> None:
    environment, run = first
    tasks = installation.airflow.api.tasks(DAG, run)
    assert {task["state"] for task in tasks} == {"success"}
    assert hosts(tasks, "analyse") == {installation.one.address, installation.two.address}
    environment.assert_exact()
    assert billed_tokens(environment) == stored_tokens(environment)
    answers = "SELECT count(DISTINCT trace_id) FROM answers"
    assert environment.bills() == environment.one("SELECT count(*) FROM answers") == environment.one(answers)


def test_only_the_host_of_the_files_has_any(first: tuple[RunEnvironment, str], installation: Installation) -> None:
    environment, run = first
    tasks = installation.airflow.api.tasks(DAG, run)
    assert {address for name in WITH_FILES for address in hosts(tasks, name)} == {installation.one.address}
    assert environment.warehouse.is_file()
    assert not (installation.two.folder / environment.warehouse.name).exists()


def test_counters_over_both_hosts_equal_the_store(first: tuple[RunEnvironment, str], stack: Stack) -> None:
    expected = store_counts(first[0].store)
    eventually(lambda: counter_increases(stack) == expected, SEEN_WITHIN_S, "the counters equal the store")


def test_the_log_of_a_task_is_read_from_the_host_that_ran_it(
    first: tuple[RunEnvironment, str], installation: Installation
) -> None:
    environment, run = first
    run_id = environment.one("SELECT run_id FROM runs")
    for task in installation.airflow.api.tasks(DAG, run, "analyse"):
        lines = installation.airflow.api.log(DAG, run, task)
        assert run_id in {line.get("verbatims_run_id") for line in lines}, task["hostname"]


def test_a_night_outlives_the_death_of_a_host(
    first: tuple[RunEnvironment, str], installation: Installation, new_environment: Callable[..., RunEnvironment]
) -> None:
    """Host `two` loses its power: cable first, so that no server hears that its connections are over."""
    environment, api = new_environment(1.0), installation.airflow.api
    run = api.trigger(DAG)
    eventually(lambda: environment.bills() > 40, 2 * SEEN_WITHIN_S, "some answers", every_s=0.1)
    lost = [task for task in running(installation, run) if task["hostname"] == installation.two.address]
    installation.two.lose_power()
    assert lost and environment.bills() < 200
    assert api.ended(DAG, run, RUN_WITHIN_S) == "success"
    for task in lost:
        [again] = [one for one in api.tasks(DAG, run, "analyse") if one["map_index"] == task["map_index"]]
        assert (again["state"], again["try_number"], again["hostname"]) == ("success", 2, installation.one.address)
    environment.assert_exact()
    assert 0 <= environment.bills() - environment.one("SELECT count(*) FROM answers") <= IN_FLIGHT * 3 // 2 * TASKS


def running(installation: Installation, run: str) -> list[dict[str, Any]]:
    """The tasks that analyse now."""
    return [task for task in installation.airflow.api.tasks(DAG, run, "analyse") if task["state"] == "running"]


def hosts(tasks: list[dict[str, Any]], name: str) -> set[str]:
    """Where the tasks of this name ran."""
    return {task["hostname"] for task in tasks if task["task_id"] == name}


def billed_tokens(environment: RunEnvironment) -> tuple[int, int]:
    """Input and output tokens as the sandbox has billed them."""
    lines = [json.loads(line) for line in environment.billed.read_text(encoding="utf-8").splitlines()]
    return sum(line["input_tokens"] for line in lines), sum(line["output_tokens"] for line in lines)


def stored_tokens(environment: RunEnvironment) -> tuple[int, int]:
    """The same as the store has them."""
    inputs = environment.one("SELECT sum(input_tokens) FROM attempts")
    return int(inputs), int(environment.one("SELECT sum(output_tokens) FROM attempts"))
