"""The project's rules for every DAG."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from local import metrics
from required import skip_or_fail

from pipeline import errors

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]
DAGS = ("verbatims_daily", "verbatims_housekeeping", "verbatims_sentinel")


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All DAGs as the dag-processor finds them, parsed without a database."""
    if find_spec("airflow") is None:
        skip_or_fail("Airflow is not installed (make test-airflow does it)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        from airflow.dag_processing.dagbag import DagBag

        yield DagBag(str(ROOT / "dags"))


def test_all_dags_parse_without_error_or_warning(bag: Any) -> None:
    assert bag.import_errors == {} and bag.captured_warnings == {}
    assert tuple(sorted(bag.dags)) == DAGS


@pytest.mark.parametrize("dag_id", DAGS)
def test_a_dag_has_a_schedule_tags_and_docs_in_both_languages(bag: Any, dag_id: str) -> None:
    from _house import TAGS

    dag = bag.dags[dag_id]
    assert dag.tags and set(dag.tags) <= TAGS
    assert "## Français" in dag.doc_md and "## English" in dag.doc_md
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert dag.timetable.expression
    assert all(dag.params.get_param(name).description for name in dag.params)


@pytest.mark.parametrize("dag_id", DAGS)
def test_a_dag_ends_within_a_day_and_says_so_if_it_failed(bag: Any, dag_id: str) -> None:
    from _house import say_run_failure
    from airflow.serialization.serialized_objects import DagSerialization

    dag = bag.dags[dag_id]
    assert timedelta(0) < dag.dagrun_timeout < timedelta(days=1)
    assert dag.on_failure_callback == say_run_failure
    # the scheduler knows no more than this of it, and calls for it
    assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).has_on_failure_callback


def test_a_housekeeping_task_that_fails_stops_no_other(bag: Any) -> None:
    dag = bag.dags["verbatims_housekeeping"]
    assert {task.task_id: (task.upstream_task_ids, task.downstream_task_ids) for task in dag.tasks} == {
        name: (set(), set()) for name in ("expire", "trim_logs", "trim_records")
    }


def test_the_night_starts_when_the_rules_say(bag: Any) -> None:
    from _moments import HOUR, LONGEST

    dag = bag.dags["verbatims_daily"]
    assert dag.timetable.expression == f"0 {HOUR} * * *" and dag.dagrun_timeout == LONGEST


@pytest.mark.parametrize("dag_id", DAGS)
def test_a_task_has_an_owner_retries_and_a_timeout(bag: Any, dag_id: str) -> None:
    for task in bag.dags[dag_id].tasks:
        kept = task.partial_kwargs if task.is_mapped else vars(task)
        assert task.owner == "verbatims", task.task_id
        assert task.retries >= 1 and kept["retry_policy"] is not None, task.task_id
        assert timedelta(0) < task.execution_timeout <= timedelta(hours=12), task.task_id
        assert kept["on_failure_callback"], task.task_id


@pytest.mark.parametrize("dag_id", DAGS)
def test_a_dag_can_be_serialized(bag: Any, dag_id: str) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    dag = bag.dags[dag_id]
    back = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    assert (back.dag_id, back.task_ids, back.doc_md) == (dag.dag_id, dag.task_ids, dag.doc_md)
    assert back.params.dump() == dag.params.dump()
    for task in dag.tasks:
        again = back.get_task(task.task_id)
        assert (again.retries, again.execution_timeout) == (task.retries, task.execution_timeout)
        assert again.downstream_task_ids == task.downstream_task_ids


@pytest.mark.parametrize(
    ("dag_id", "name", "good", "bad"),
    [
        ("verbatims_daily", "workers", [1, 4, 64], [0, 65, "two", None]),
        ("verbatims_daily", "mode", ["live", "batch"], ["later", None]),
        ("verbatims_daily", "limit", [None, 1, 100], [0, -1, "x"]),
        ("verbatims_housekeeping", "days", [None, 1, 365], [0, -1, "x"]),
        ("verbatims_housekeeping", "airflow_days", [1, 30, 365], [0, -1, "x", None]),
        ("verbatims_sentinel", "mode", ["live", "batch"], ["later", None]),
    ],
)
def test_params_are_checked(bag: Any, dag_id: str, name: str, good: list[object], bad: list[object]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    param = bag.dags[dag_id].params.get_param(name)
    for value in [param.value, *good]:
        assert param.resolve(value) == value
    for value in bad:
        with pytest.raises(ParamValidationError):
            param.resolve(value)


def test_the_kind_of_error_decides_on_retries(bag: Any) -> None:
    """A new kind needs a line here, and a retry rule unless it backs off like an outage."""
    from _house import RETRIES
    from airflow.sdk import RetryAction

    backs_off = (RetryAction.DEFAULT, None)
    expected = {
        errors.SettingsError: (RetryAction.FAIL, None),
        errors.InputError: (RetryAction.FAIL, None),
        errors.AccessDenied: (RetryAction.FAIL, None),
        errors.CheckFailed: (RetryAction.FAIL, None),
        errors.RateLimited: (RetryAction.RETRY, timedelta(minutes=5)),
        errors.Interrupted: (RetryAction.RETRY, timedelta(seconds=10)),
        errors.StoreRejection: (RetryAction.FAIL, None),
        errors.StoreFault: (RetryAction.FAIL, None),
        errors.TooManyFailures: (RetryAction.FAIL, None),
        errors.SpendLimitReached: (RetryAction.FAIL, None),
        errors.BudgetUsedUp: (RetryAction.FAIL, None),
        errors.StoreUnavailable: backs_off,
        errors.ClaimsLost: backs_off,
        errors.TransientError: backs_off,
        errors.VerbatimsError: backs_off,
        OSError: backs_off,
    }
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    assert kinds == set(expected) - {OSError}
    for kind, decision in expected.items():
        decided = RETRIES.evaluate(kind("…"), try_number=1, max_tries=3)
        assert (decided.action, decided.retry_delay) == decision, kind


IMPORT_DAG = """
import socket, sys
def no_socket(*_): raise AssertionError("a socket was opened")
import airflow.sdk, structlog
before = set(sys.modules)
socket.socket.connect = no_socket
sys.path.insert(0, sys.argv[1])
__import__(sys.argv[2])
print(sorted({name.split(".")[0] for name in set(sys.modules) - before}))
print(sorted(name for name in sys.modules if name.startswith("pipeline")))
"""


@pytest.mark.parametrize("dag_id", DAGS)
def test_importing_a_dag_does_no_work(bag: Any, dag_id: str, tmp_path: Path) -> None:
    """A DAG file is parsed every few seconds: it imports only the pipeline's errors, opens no file or connection."""
    home, cwd = tmp_path / "home", tmp_path / "cwd"
    cwd.mkdir()
    said = subprocess.run(
        [sys.executable, "-c", IMPORT_DAG, str(ROOT / "dags"), dag_id],
        cwd=cwd,
        env={**os.environ, "AIRFLOW_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr[-2000:]
    new, ours = said.stdout.splitlines()[-2:]
    assert not any(
        heavy in new for heavy in ("anthropic", "alembic", "google", "opentelemetry", "requests", "sqlalchemy")
    ), new
    assert ours in ("[]", "['pipeline', 'pipeline.errors']"), ours
    assert list(cwd.iterdir()) == []


def test_an_error_of_a_task_stands_alone_and_a_foreign_one_loses_its_message(
    bag: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Airflow logs the whole chain, as far as it is not hidden."""
    from _house import without_words

    canary = "can" + "ari"  # in no line of code

    def fail(error: Exception) -> str:
        with pytest.raises(errors.VerbatimsError) as found, without_words():
            try:
                raise ValueError(canary)
            except ValueError as cause:
                raise error from cause
        return "".join(traceback.format_exception(found.value))

    said = [fail(errors.SettingsError("STORE: no")), fail(KeyError(canary)), caplog.text]
    assert "STORE: no" in said[0] and "unexpected KeyError" in said[1]
    assert "ValueError" in caplog.text and canary not in "".join(said)


def test_compose_and_make_airflow_send_the_same_of_airflows_metrics() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["x-airflow-environment"]
    expected = metrics("http://collector:4318")
    assert {name: str(composed[name]) for name in expected} == expected
