"""What a task of a DAG opens, and what it is told of the next night."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from required import skip_or_fail
from stack.runs import OURS

from pipeline.records import COMMAND_LINE

pytestmark = pytest.mark.airflow


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, for the store and for Airflow."""
    if find_spec("airflow") is None:
        skip_or_fail("Airflow is not installed (make test-airflow does it)")
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.chdir(tmp_path)


def run_at(monkeypatch: pytest.MonkeyPatch, moment: datetime, queue: str = "default") -> None:
    """Let the next task be one of the DAG run of that moment, out of that queue."""
    import _house

    ti = SimpleNamespace(dag_id="verbatims_daily", task_id="publish", try_number=2)
    run = SimpleNamespace(logical_date=moment, run_after=moment)
    monkeypatch.setattr(
        _house, "get_current_context", lambda: {"ti": ti, "dag_run": run, "task": SimpleNamespace(queue=queue)}
    )


def test_a_task_of_the_current_night_knows_when_the_next_one_starts_and_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from _house import working
    from _moments import HOUR, LONGEST

    before = datetime.now(UTC)
    run_at(monkeypatch, before)
    with working() as (session, _):
        task = session.task
    assert (task.dag_id, task.task_id, task.try_number) == ("verbatims_daily", "publish", 2)
    assert task.next_start is not None and task.next_start.hour == HOUR
    assert timedelta(0) < task.next_start - before <= timedelta(days=1)
    assert task.deadline == task.next_start + LONGEST


def test_a_day_gone_by_a_housekeeper_and_the_command_line_know_of_no_next_night(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from _house import opened, working

    run_at(monkeypatch, datetime.now(UTC) - timedelta(days=3))
    with working() as (session, _):
        past = session.task
    run_at(monkeypatch, datetime.now(UTC))
    with opened() as session:
        housekeeper = session.task
    for task in (past, housekeeper, COMMAND_LINE):
        assert (task.next_start, task.deadline) == (None, None)


@pytest.mark.parametrize(("queue", "made"), [("default", False), ("files", True)])
def test_where_one_machine_keeps_the_files_no_other_makes_a_warehouse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, queue: str, made: bool
) -> None:
    import _house

    monkeypatch.setattr(_house, "FILES_QUEUE", "files")
    monkeypatch.setenv("WAREHOUSE", "sqlite:///rows.db")
    run_at(monkeypatch, datetime.now(UTC), queue)
    with _house.opened():
        pass
    assert (tmp_path / "rows.db").exists() == made
