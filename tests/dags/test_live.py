"""The nightly run under the real scheduler, four workers and all servers real; and what goes wrong at night."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
from stack.counts import counted, held
from stack.server import eventually
from stack.stack import Stack, attributes

from .live import Airflow
from .night import IN_FLIGHT, Night

pytestmark = pytest.mark.airflow

DAG = "verbatims_daily"
WORKERS = 4
STAGES = ("scrape", "clean", "analyse", "load", "publish")
SEEN_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def first(airflow: Airflow, new_night: Callable[..., Night], stack: Stack) -> tuple[Night, str]:
    """The run that a new installation begins by itself, at its end."""
    night = new_night(1.0, OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp_endpoint)
    airflow.start()
    [begun] = eventually(lambda: airflow.api.runs(DAG), SEEN_WITHIN_S, "a new installation begins a run")
    assert airflow.api.ended(DAG, begun["dag_run_id"]) == "success"
    return night, begun["dag_run_id"]


def test_four_workers_share_one_run_and_its_rows_are_exact(
    first: tuple[Night, str], airflow: Airflow, stack: Stack
) -> None:
    night, run = first
    night.assert_exact()
    assert night.bills() == night.one("SELECT count(*) FROM answers")
    workers = airflow.api.tasks(DAG, run, "analyse")
    assert len({worker["pid"] for worker in workers}) == WORKERS
    asked = eventually(
        lambda: [s for s in stack.series("claude_calls_total") if s.growth], SEEN_WITHIN_S, "calls in Prometheus"
    )
    assert len({series.labels["instance"] for series in asked}) == WORKERS


def test_counters_over_all_processes_equal_the_store(first: tuple[Night, str], stack: Stack) -> None:
    expected = held(first[0].store)
    eventually(lambda: counted(stack) == expected, SEEN_WITHIN_S, "the counters equal the store")


def test_each_stage_has_its_group_in_the_pushgateway(first: tuple[Night, str], stack: Stack) -> None:
    night, _ = first

    def groups() -> Mapping[str, Any] | None:
        found = {group["labels"]["task_id"]: group for group in stack.groups() if group["labels"]["dag_id"] == DAG}
        return found if set(found) == set(STAGES) else None

    for name, group in (eventually(groups, SEEN_WITHIN_S, "a group of each stage") or {}).items():
        assert set(group["labels"]) == {"job", "dag_id", "task_id"}, name
        said = {
            metric["labels"].get("outcome"): float(metric["value"]) for metric in group["batch_verbatims"]["metrics"]
        }
        assert group["batch_last_success_timestamp_seconds"] and group["batch_try"]["metrics"][0]["value"] == "1"
        if name in ("analyse", "load"):
            assert said["analysed"] == night.one("SELECT count(*) FROM answers"), name


def test_a_verbatims_trace_is_reached_from_the_runs(first: tuple[Night, str], stack: Stack) -> None:
    """The stages of all processes are one trace; a search by the run finds its verbatims, whose link leads back."""
    night, _ = first
    run_id, trace_id = night.one("SELECT run_id || ' ' || split_part(trace_parent, '-', 2) FROM runs").split()
    spans = stack.trace(trace_id, spans=1 + len(STAGES) + WORKERS - 1)
    [root] = [span for span in spans if span.name == "run"]
    stages = [span for span in spans if span.parent_span_id == root.span_id]
    assert sorted(span.name for span in stages) == sorted(
        f"stage {name}" for name in (*STAGES, *["analyse"] * (WORKERS - 1))
    )
    for span in stages:
        said = attributes(span)
        assert (said["verbatims.dag_id"], said["verbatims.task_id"]) == (DAG, said["verbatims.stage"])
        assert said["verbatims.try_number"] == 1
    [found, *_] = eventually(lambda: search(stack, run_id), SEEN_WITHIN_S, "verbatims of the run, by a search")
    [ours] = [span for span in stack.trace(found, spans=2) if span.name == "analyse verbatim"]
    [link] = ours.links
    assert link.span_id in {span.span_id for span in stages if span.name == "stage analyse"}
    assert attributes(ours)["verbatims.dag_id"] == DAG and night.one(
        f"SELECT count(*) FROM answers WHERE trace_id = '{found}'"
    )


def test_the_lines_of_a_log_say_run_and_trace(first: tuple[Night, str], airflow: Airflow) -> None:
    night, run = first
    trace_id = night.one("SELECT split_part(trace_parent, '-', 2) FROM runs")
    [task] = airflow.api.tasks(DAG, run, "load")
    [line] = [line for line in airflow.api.log(DAG, run, task) if line.get("logger") == "verbatims"]
    assert (line["verbatims_run_id"], line["trace_id"]) == (night.one("SELECT run_id FROM runs"), trace_id)


def test_a_killed_worker_is_tried_again_and_nothing_is_lost_or_paid_twice(
    first: tuple[Night, str], airflow: Airflow, new_night: Callable[..., Night], stack: Stack
) -> None:
    """With Airflow's own traces on: our stages then hang below its tasks."""
    night = new_night(1.0)
    traces = {"AIRFLOW__TRACES__OTEL_ON": "True", "OTEL_TRACES_EXPORTER": "otlp_proto_http"}
    airflow.restart(OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp_endpoint, **traces)
    run = airflow.api.trigger(DAG)
    victim = working(airflow, night, run)
    os.kill(victim["pid"], signal.SIGKILL)
    assert airflow.api.ended(DAG, run) == "success"
    [again] = [task for task in airflow.api.tasks(DAG, run, "analyse") if task["map_index"] == victim["map_index"]]
    assert (again["state"], again["try_number"]) == ("success", 2)
    night.assert_exact()
    assert 0 <= night.bills() - night.one("SELECT count(*) FROM answers") <= IN_FLIGHT
    assert tries(night, stack) == {1, 2}


def test_a_task_marked_failed_and_cleared_goes_on(
    first: tuple[Night, str], airflow: Airflow, new_night: Callable[..., Night], black_hole: str
) -> None:
    """While the Collector takes everything and never answers: no task waits for it."""
    night = new_night(1.0)
    airflow.restart(OTEL_EXPORTER_OTLP_ENDPOINT=black_hole, AIRFLOW__TRACES__OTEL_ON="False")
    run = airflow.api.trigger(DAG)
    victim = working(airflow, night, run)
    airflow.api.mark_failed(DAG, run, victim)
    assert airflow.api.ended(DAG, run) == "failed"
    assert {task["state"] for task in airflow.api.tasks(DAG, run, "load")} == {"upstream_failed"}
    airflow.api.clear_failed(DAG, run)
    assert airflow.api.ended(DAG, run) == "success"
    night.assert_exact()
    # marked failed, it was asked to end first, and waited for what was in flight
    assert 0 <= night.bills() - night.one("SELECT count(*) FROM answers") <= IN_FLIGHT


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Takes connections, never answers; they stay open for as long as the test runs."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def working(airflow: Airflow, night: Night, run: str) -> dict[str, Any]:
    """A worker in the middle of its work."""
    eventually(lambda: night.bills() > 40, SEEN_WITHIN_S, "some answers", every_s=0.1)
    running = [task for task in airflow.api.tasks(DAG, run, "analyse") if task["state"] == "running"]
    assert len(running) > 1 and night.bills() < 200
    return running[0]


def tries(night: Night, stack: Stack) -> set[object]:
    """Which tries the spans of the stage say, all below a task of Airflow's."""
    spans = stack.trace(night.one("SELECT split_part(trace_parent, '-', 2) FROM runs"), spans=8)
    names = {span.span_id: span.name for span in spans}
    stages = [span for span in spans if span.name == "stage analyse"]
    assert {names[span.parent_span_id].partition(".")[0] for span in stages} <= {"worker", "task"}
    return {attributes(span)["verbatims.try_number"] for span in stages}


def search(stack: Stack, run_id: str) -> list[str]:
    """Trace ids of a run's verbatims, as Grafana would look for them."""
    wanted = f'{{ name = "analyse verbatim" && .verbatims.run_id = "{run_id}" }}'
    with requests.Session() as session:
        session.trust_env = False
        found = session.get(f"{stack.url('tempo')}/api/search", params={"q": wanted, "limit": "3"}, timeout=10).json()
    return [trace["traceID"].zfill(32) for trace in found.get("traces", [])]
