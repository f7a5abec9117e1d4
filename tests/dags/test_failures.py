"""What the person on call reads when a DAG run or a task of it has failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from required import skip_or_fail
from stack.runs import OURS

from pipeline.store import open_store

pytestmark = pytest.mark.airflow

MOMENT = datetime(2026, 3, 10, 2, tzinfo=UTC)
NOWHERE = ("postgresql://verbatims@127.0.0.1:1/verbatims", "sqlite:////proc/nowhere/store.db", "not an address")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The store that the settings name, with the trace of the day's run; yields its address."""
    if find_spec("airflow") is None:
        skip_or_fail("Airflow is not installed (make test-airflow does it)")
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/store.db"
    import _house  # noqa: F401 - Airflow changes the handlers of logs when it is imported first

    made = open_store(url)
    made.runs.set_trace(made.runs.start("sandbox", "test", MOMENT.date()), f"00-{'a' * 32}-{'b' * 16}-01")
    made.close()
    monkeypatch.setenv("STORE", url)
    yield url


def timed_out(**more: Any) -> dict[str, Any]:
    """What Airflow gives a DAG's callback."""
    run = SimpleNamespace(logical_date=MOMENT, run_after=MOMENT)
    return {"dag": SimpleNamespace(dag_id="verbatims_daily"), "dag_run": run, "reason": "timed_out", **more}


def test_a_run_whose_time_is_up_says_run_trace_and_reason(store: str, caplog: pytest.LogCaptureFixture) -> None:
    from _house import say_run_failure

    say_run_failure(timed_out())
    assert caplog.messages == [f"verbatims_daily failed: run day-2026-03-10, trace {'a' * 32}, reason timed out"]


def test_without_a_task_to_name_airflow_gives_no_more_than_an_id(store: str, caplog: pytest.LogCaptureFixture) -> None:
    from _house import say_run_failure

    bare = {"dag": SimpleNamespace(dag_id="verbatims_daily"), "reason": "all_tasks_deadlocked"}
    say_run_failure({**bare, "run_id": "scheduled__2026-03-10T02:00:00+00:00"})
    say_run_failure({**bare, "run_id": "by hand"})
    assert caplog.messages == [
        f"verbatims_daily failed: run day-2026-03-10, trace {'a' * 32}, reason all tasks deadlocked",
        "verbatims_daily failed: run by hand, trace unknown, reason all tasks deadlocked",
    ]


@pytest.mark.parametrize("address", NOWHERE)
def test_a_failure_is_said_without_the_store(
    store: str, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from _house import say_failure, say_run_failure

    monkeypatch.setenv("STORE", address)
    task = SimpleNamespace(dag_id="verbatims_daily", task_id="load", try_number=2)
    say_run_failure(timed_out())
    say_failure(timed_out(ti=task))
    assert caplog.messages == [
        "verbatims_daily failed: run day-2026-03-10, trace unknown, reason timed out",
        "verbatims_daily failed at stage load, try 2: run day-2026-03-10, trace unknown: its process was killed",
    ]
