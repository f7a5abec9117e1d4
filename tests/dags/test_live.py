"""The nightly run under the real scheduler with four workers and real servers, also with failures."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from grafana.queries import asks_airflow, queries
from local import METRICS, metrics
from stack.counts import counter_increases, store_counts
from stack.server import eventually
from stack.stack import Stack, attributes

from .live import Airflow
from .night import IN_FLIGHT, RunEnvironment

pytestmark = pytest.mark.airflow

DAG = "verbatims_daily"
WORKERS = 4
STAGES = ("scrape", "clean", "analyse", "load", "publish")
SEEN_WITHIN_S = 60.0
ENDS_WITHIN_S = 10.0
"""A task says that it is deferred before its process ends, a second or more on a busy machine."""


@pytest.fixture(scope="module")
def first(airflow: Airflow, new_environment: Callable[..., RunEnvironment], stack: Stack) -> tuple[RunEnvironment, str]:
    """The first run, which a new installation starts automatically, after its end."""
    environment = new_environment(1.0, OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp_endpoint)
    airflow.start(**metrics(stack.otlp_endpoint))
    [begun] = eventually(lambda: airflow.api.runs(DAG), SEEN_WITHIN_S, "a new installation begins a run")
    assert airflow.api.ended(DAG, begun["dag_run_id"]) == "success"
    return environment, begun["dag_run_id"]


def test_four_workers_share_one_run_and_its_rows_are_exact(
    first: tuple[RunEnvironment, str], airflow: Airflow, stack: Stack
) -> None:
    environment, run = first
    environment.assert_exact()
    assert environment.bills() == environment.one("SELECT count(*) FROM answers")
    workers = airflow.api.tasks(DAG, run, "analyse")
    assert len({worker["pid"] for worker in workers}) == WORKERS
    asked = eventually(
        lambda: [s for s in stack.series("claude_calls_total") if s.growth], SEEN_WITHIN_S, "calls in Prometheus"
    )
    assert len({series.labels["instance"] for series in asked}) == WORKERS


def test_counters_over_all_processes_equal_the_store(first: tuple[RunEnvironment, str], stack: Stack) -> None:
    expected = store_counts(first[0].store)
    eventually(lambda: counter_increases(stack) == expected, SEEN_WITHIN_S, "the counters equal the store")


def test_airflow_itself_is_seen_by_three_processes_and_its_tasks_add_no_series(
    first: tuple[RunEnvironment, str], stack: Stack
) -> None:
    for part in ("scheduler", "dag_processor", "triggerer"):
        beats = f'airflow_{part}_heartbeat_total{{job="airflow"}}'
        eventually(lambda beats=beats: stack.value(f"sum(increase({beats}[1m])) > 0"), SEEN_WITHIN_S, beats)
    ended = 'airflow_dagrun_duration_success_milliseconds_count{dag_id="verbatims_daily"}'
    eventually(lambda: stack.value(ended) == 1, SEEN_WITHIN_S, "the run's end, which is counted once")
    names = "|".join(f"airflow_{name.lstrip('^').replace('.', '_')}.*" for name in METRICS)
    seen = 'job="airflow", __name__!~"target_info|up|scrape_.+"'
    assert stack.query(f'{{{seen}, __name__!~"{names}"}}') == []
    processes = {labels.get("instance") for labels, _ in stack.query(f'{{{seen}, __name__=~".+_(total|count)"}}')}
    assert len(processes) == 3
    assert len(stack.query(f"{{{seen}}}")) < 40
    assert stack.query("ALERTS{alertname='AirflowDown'}") == []


def test_every_query_of_the_dashboard_about_airflow_returns_data(
    first: tuple[RunEnvironment, str], stack: Stack
) -> None:
    asked = [query for query in queries() if asks_airflow(query)]
    assert len(asked) > 5
    for query in asked:
        eventually(lambda query=query: stack.query(query), SEEN_WITHIN_S, f"data for {query}")


def test_each_stage_has_its_group_in_the_pushgateway(first: tuple[RunEnvironment, str], stack: Stack) -> None:
    environment, _ = first

    def groups() -> Mapping[str, Any] | None:
        found = {group["labels"]["task_id"]: group for group in stack.groups() if group["labels"]["dag_id"] == DAG}
        return found if set(found) == set(STAGES) else None

    for name, group in (eventually(groups, SEEN_WITHIN_S, "a group of each stage") or {}).items():
        assert set(group["labels"]) == {"job", "dag_id", "task_id", "deployment_environment_name"}, name
        said = {
            metric["labels"].get("outcome"): float(metric["value"]) for metric in group["batch_verbatims"]["metrics"]
        }
        assert group["batch_last_success_timestamp_seconds"] and group["batch_try"]["metrics"][0]["value"] == "1"
        if name in ("analyse", "load"):
            assert said["analysed"] == environment.one("SELECT count(*) FROM answers"), name


def test_the_trace_of_a_run_leads_to_the_traces_of_its_verbatims_and_back(
    first: tuple[RunEnvironment, str], stack: Stack
) -> None:
    """The stages of all processes share one trace; a search by the run finds its verbatims, which link back."""
    environment, _ = first
    run_id, trace_id = environment.one("SELECT run_id || ' ' || split_part(trace_parent, '-', 2) FROM runs").split()
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
    assert attributes(ours)["verbatims.dag_id"] == DAG and environment.one(
        f"SELECT count(*) FROM answers WHERE trace_id = '{found}'"
    )


def test_log_lines_name_the_run_and_the_trace(first: tuple[RunEnvironment, str], airflow: Airflow) -> None:
    environment, run = first
    trace_id = environment.one("SELECT split_part(trace_parent, '-', 2) FROM runs")
    [task] = airflow.api.tasks(DAG, run, "load")
    [line] = [line for line in airflow.api.log(DAG, run, task) if line.get("logger") == "verbatims"]
    assert (line["verbatims_run_id"], line["trace_id"]) == (environment.one("SELECT run_id FROM runs"), trace_id)


def test_a_night_in_batches_waits_in_the_triggerer_and_holds_no_worker(
    first: tuple[RunEnvironment, str], airflow: Airflow, new_environment: Callable[..., RunEnvironment]
) -> None:
    environment = new_environment(0.0, batch_delay_s=15.0)
    run = airflow.api.trigger(DAG, mode="batch")
    [task] = eventually(
        lambda: [one for one in airflow.api.tasks(DAG, run, "analyse") if one["state"] == "deferred"],
        SEEN_WITHIN_S,
        "the task is deferred",
    )
    eventually(lambda: not alive(task["pid"]), ENDS_WITHIN_S, "its process has ended")
    assert environment.one("SELECT count(*) FROM answers") == 0
    assert airflow.api.ended(DAG, run) == "success"
    environment.assert_exact()
    assert environment.bills() == environment.one("SELECT count(*) FROM answers")
    assert environment.one("SELECT count(*) FROM attempts WHERE batch IS NULL") == 0
    assert environment.one("SELECT state FROM batches") == "closed"


def test_the_sentinel_in_batches_waits_in_the_triggerer_and_is_asked_once(
    first: tuple[RunEnvironment, str], airflow: Airflow, new_environment: Callable[..., RunEnvironment], tmp_path: Path
) -> None:
    environment = new_environment(0.0, batch_delay_s=15.0)
    assert airflow.api.ended(DAG, airflow.api.trigger(DAG)) == "success"
    accept = [sys.executable, "-m", "pipeline", "sentinel", "accept", "--sample", "100", "--yes"]
    subprocess.run(accept, env={**os.environ, **environment.settings}, cwd=tmp_path, check=True, timeout=120)
    run = airflow.api.trigger("verbatims_sentinel", mode="batch")
    [task] = eventually(
        lambda: [one for one in airflow.api.tasks("verbatims_sentinel", run, "ask") if one["state"] == "deferred"],
        SEEN_WITHIN_S,
        "the task is deferred",
    )
    eventually(lambda: not alive(task["pid"]), ENDS_WITHIN_S, "its process has ended")
    assert airflow.api.ended("verbatims_sentinel", run) == "success"
    asked = "SELECT count(*) FROM attempts WHERE purpose = 'sentinel' AND batch IS NOT NULL"
    assert environment.one(asked) == 100 == environment.one("SELECT count(*) FROM sentinel")
    assert environment.one("SELECT count(*) FROM runs WHERE purpose = 'sentinel' AND ended_at IS NOT NULL") == 1
    environment.assert_exact()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_worker_is_retried_and_nothing_is_lost_or_paid_twice(
    first: tuple[RunEnvironment, str], airflow: Airflow, new_environment: Callable[..., RunEnvironment], stack: Stack
) -> None:
    """With Airflow's own traces on: our stages are then children of its tasks."""
    environment = new_environment(1.0)
    traces = {"AIRFLOW__TRACES__OTEL_ON": "True", "OTEL_TRACES_EXPORTER": "otlp_proto_http"}
    airflow.restart(OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp_endpoint, **traces)
    run = airflow.api.trigger(DAG)
    victim = working(airflow, environment, run)
    os.kill(victim["pid"], signal.SIGKILL)
    assert airflow.api.ended(DAG, run) == "success"
    [again] = [task for task in airflow.api.tasks(DAG, run, "analyse") if task["map_index"] == victim["map_index"]]
    assert (again["state"], again["try_number"]) == ("success", 2)
    environment.assert_exact()
    assert 0 <= environment.bills() - environment.one("SELECT count(*) FROM answers") <= IN_FLIGHT * 3 // 2
    assert tries(environment, stack) == {1, 2}


def test_a_task_marked_failed_and_cleared_resumes(
    first: tuple[RunEnvironment, str], airflow: Airflow, new_environment: Callable[..., RunEnvironment], black_hole: str
) -> None:
    """While the Collector accepts connections and never answers: no task waits for it."""
    environment = new_environment(1.0)
    airflow.restart(OTEL_EXPORTER_OTLP_ENDPOINT=black_hole, AIRFLOW__TRACES__OTEL_ON="False", **metrics(black_hole))
    run = airflow.api.trigger(DAG)
    victim = working(airflow, environment, run)
    airflow.api.mark_failed(DAG, run, victim)
    assert airflow.api.ended(DAG, run) == "failed"
    assert {task["state"] for task in airflow.api.tasks(DAG, run, "load")} == {"upstream_failed"}
    airflow.api.clear_failed(DAG, run)
    assert airflow.api.ended(DAG, run) == "success"
    environment.assert_exact()
    # marking it failed sent SIGTERM, and the task waited for the requests in flight
    assert 0 <= environment.bills() - environment.one("SELECT count(*) FROM answers") <= IN_FLIGHT * 3 // 2


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that accepts connections and never answers; they stay open during the test."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def working(airflow: Airflow, environment: RunEnvironment, run: str) -> dict[str, Any]:
    """A worker with requests in flight."""
    eventually(lambda: environment.bills() > 40, 2 * SEEN_WITHIN_S, "some answers", every_s=0.1)
    running = [task for task in airflow.api.tasks(DAG, run, "analyse") if task["state"] == "running"]
    assert len(running) > 1 and environment.bills() < 200
    return running[0]


def tries(environment: RunEnvironment, stack: Stack) -> set[object]:
    """The try numbers of the stage's spans, which are all children of an Airflow task."""
    spans = stack.trace(environment.one("SELECT split_part(trace_parent, '-', 2) FROM runs"), spans=8)
    names = {span.span_id: span.name for span in spans}
    stages = [span for span in spans if span.name == "stage analyse"]
    assert {names[span.parent_span_id].partition(".")[0] for span in stages} <= {"worker", "task"}
    return {attributes(span)["verbatims.try_number"] for span in stages}


def search(stack: Stack, run_id: str) -> list[str]:
    """Trace ids of a run's verbatims, searched as Grafana does."""
    wanted = f'{{ name = "analyse verbatim" && .verbatims.run_id = "{run_id}" }}'
    with requests.Session() as session:
        session.trust_env = False
        found = session.get(f"{stack.url('tempo')}/api/search", params={"q": wanted, "limit": "3"}, timeout=10).json()
    return [trace["traceID"].zfill(32) for trace in found.get("traces", [])]
