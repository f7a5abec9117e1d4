"""The nightly run from end to end in one process, against the sandbox; and the local Airflow that people start."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from local import BIN, USER, environment, password
from otlp_receiver import Receiver
from required import skip_or_fail
from stack.runs import OURS
from stack.server import eventually, free_port

from pipeline.sandbox import Sandbox

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]
ONCE = """
import json
import sys
from datetime import datetime
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(sys.argv[1]).dags[sys.argv[2]]
run = dag.test(logical_date=datetime.fromisoformat(sys.argv[3]), run_conf=json.loads(sys.argv[4]))
print(json.dumps([run.state, {task.task_id: str(task.state) for task in run.get_task_instances()}]))
"""


@dataclass
class Ended:
    """How one run came out: its state, its tasks' states, and all that was said."""

    state: str
    tasks: dict[str, str]
    said: str


Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """An Airflow without servers: its settings, its database made."""
    if find_spec("airflow") is None:
        skip_or_fail("Airflow is not installed (make test-airflow does it)")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    settings = clean | environment(tmp_path_factory.mktemp("airflow"), free_port()) | {"PYTHONPATH": str(ROOT)}
    subprocess.run([BIN / "airflow", "db", "migrate"], env=settings, check=True, capture_output=True, timeout=180)
    return settings


@pytest.fixture
def run(home: Mapping[str, str], tmp_path: Path) -> Run:
    """One run of a DAG for a day, in a process and a folder of its own."""

    def call(moment: str, dag_id: str = "verbatims_daily", conf: object = None, **more: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-c", ONCE, str(ROOT / "dags"), dag_id, moment, json.dumps(conf)],
            env={**home, "PYTHONPATH": f"{ROOT}:{ROOT / 'dags'}", **more},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=170,
        )
        said = ended.stdout + ended.stderr
        assert ended.returncode == 0, said[-3000:]
        return Ended(*json.loads(ended.stdout.splitlines()[-1]), said)

    return call


def today() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat()


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "var" / "verbatims.db")) as store:
        return store.execute(query).fetchall()


FACTS = "SELECT verbatim_id, text, summary, sentiment, cost_usd, run_id FROM verbatims_analysed_v1 ORDER BY 1"


def test_a_day_comes_to_its_rows_and_repeated_to_the_same(
    run: Run, home: Mapping[str, str], tmp_path: Path, receiver: Receiver
) -> None:
    with Sandbox(latency_s=0, billed=tmp_path / "billed.jsonl") as sandbox:
        here = {"ANTHROPIC_BASE_URL": sandbox.url, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        moment = today()
        first = run(moment, conf={"workers": 2}, **here)
        assert first.state == "success", first.said[-3000:]
        before, bills = rows(tmp_path, FACTS), (tmp_path / "billed.jsonl").read_bytes()
        assert len(before) == rows(tmp_path, "SELECT count(*) FROM texts WHERE current IS NOT NULL")[0][0] > 250
        again = run(moment, **here)
    assert again.state == "success", again.said[-3000:]
    assert rows(tmp_path, FACTS) == before and (tmp_path / "billed.jsonl").read_bytes() == bills
    spans = [span for span in receiver.spans() if span.name.startswith("stage")]
    assert len({span.trace_id for span in spans}) == 1, "Airflow's unsampled parent took our spans with it"
    [told, told_again] = published(home)
    assert (told["run_id"], told["analysed"], told["pending"]) == (f"day-{moment[:10]}", len(before), 0)
    assert told_again == told


def published(home: Mapping[str, str]) -> list[dict[str, Any]]:
    """What whoever waits for the asset was told, the oldest first."""
    with closing(sqlite3.connect(Path(home["AIRFLOW_HOME"]) / "airflow.db")) as metadata:
        found = metadata.execute("SELECT extra FROM asset_event ORDER BY id DESC LIMIT 2").fetchall()
    return [json.loads(extra) for (extra,) in reversed(found)]


def test_housekeeping_takes_the_words_and_leaves_the_counts(run: Run, tmp_path: Path) -> None:
    with Sandbox(latency_s=0) as sandbox:
        assert run(today(), ANTHROPIC_BASE_URL=sandbox.url).state == "success"
    with closing(sqlite3.connect(tmp_path / "var" / "verbatims.db", isolation_level=None)) as store:
        store.execute("UPDATE texts SET seen_on = '2026-01-01' WHERE source = 'sandbox'")
    counts = "SELECT sentiment, count(*), sum(cost_usd) FROM verbatims_analysed_v1 GROUP BY 1 ORDER BY 1"
    before = rows(tmp_path, counts)
    ended = run(today(), "verbatims_housekeeping", {"days": 30})
    assert ended.state == "success", ended.said[-3000:]
    assert rows(tmp_path, counts) == before
    assert rows(tmp_path, "SELECT count(text), count(summary) FROM verbatims_analysed_v1") == [(0, 0)]


def test_a_day_gone_by_reads_the_store_and_asks_no_source(run: Run, tmp_path: Path) -> None:
    ended = run("2026-02-03T02:00:00+00:00")
    assert ended.state == "success", ended.said[-3000:]
    assert rows(tmp_path, "SELECT run_id, input FROM runs") == [("day-2026-02-03", "the store")]
    assert rows(tmp_path, "SELECT count(*) FROM texts") == [(0,)]


def test_a_failure_says_its_stage_its_run_and_its_trace(run: Run, tmp_path: Path, receiver: Receiver) -> None:
    """The warehouse goes between two runs of a day."""
    with Sandbox(latency_s=0) as sandbox:
        here = {"ANTHROPIC_BASE_URL": sandbox.url, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        moment = today()
        assert run(moment, **here).state == "success"
        ended = run(moment, **here, WAREHOUSE="sqlite:////proc/nowhere/rows.db")
    assert (ended.state, ended.tasks["scrape"], ended.tasks["load"]) == ("failed", "failed", "upstream_failed")
    [trace_id] = {span.trace_id.hex() for span in receiver.spans() if span.name == "run"}
    run_id = f"day-{moment[:10]}"
    assert f"verbatims_daily failed at stage scrape, try 1: run {run_id}, trace {trace_id}: WAREHOUSE: " in ended.said


def test_a_missing_key_fails_the_first_task_in_a_line_that_names_it(run: Run, tmp_path: Path) -> None:
    """The settings can't be read, so no store can be asked for a trace."""
    moment = today()
    ended = run(moment, SCRAPER_MODE="prod", ANTHROPIC_API_KEY="")
    assert (ended.state, ended.tasks["scrape"], ended.tasks["load"]) == ("failed", "failed", "upstream_failed")
    line = f"failed at stage scrape, try 1: run day-{moment[:10]}, trace unknown: ANTHROPIC_API_KEY: "
    assert line in ended.said
    assert not (tmp_path / "var").exists()


def test_make_airflow_ends_in_the_middle_of_a_night_and_goes_on_with_it(
    home: Mapping[str, str], tmp_path: Path
) -> None:
    """In a copy of the checkout, since it keeps its data in var/ of its own; ended as `kill` and `make` both do it."""
    for name in ("dags", "pipeline"):
        shutil.copytree(ROOT / name, tmp_path / name)
    slow, quick = tmp_path / "slow.jsonl", tmp_path / "quick.jsonl"
    with Sandbox(latency_s=1, billed=slow) as sandbox, local_airflow(home, tmp_path, sandbox) as started:
        eventually(lambda: asking(tmp_path) == [(4,)], 240, "four workers wait for Claude")
        assert len(living(tmp_path)) > 10, "three servers, the executor's workers and their tasks"
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            started.send_signal(number)
            eventually(lambda: ignores(started, signal.SIGTERM), 10, "the first of them is heard")
        said, _ = started.communicate(timeout=120)
        assert (started.returncode, living(tmp_path)) == (0, [])
    assert said.splitlines()[-1] == "airflow: ended"
    assert f"user {USER}, password {password(tmp_path / 'var' / 'airflow')}" in said
    stored = rows(tmp_path, "SELECT count(*) FROM answers")[0][0]
    assert len(bills(slow)) == stored < 200, "what was in flight came back, and nothing was asked behind it"
    with Sandbox(latency_s=0, billed=quick) as sandbox, local_airflow(home, tmp_path, sandbox) as started:
        eventually(lambda: seen(tmp_path, "SELECT 1 FROM runs WHERE ended_at IS NOT NULL"), 240, "the first night")
        started.send_signal(signal.SIGINT)
        started.communicate(timeout=120)
        assert (started.returncode, living(tmp_path)) == (0, [])
    analysed = rows(tmp_path, "SELECT count(*) FROM texts WHERE current IS NOT NULL")
    assert rows(tmp_path, "SELECT count(*) FROM verbatims_analysed_v1") == analysed
    assert rows(tmp_path, "SELECT count(*) FROM answers") == [(len(bills(slow)) + len(bills(quick)),)]


def test_make_airflow_says_which_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, ROOT / "dags" / "local.py"],
            env={**os.environ, "PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"airflow: port {port}: Address already in use; try PORT={port + 1} make airflow\n"


@contextmanager
def local_airflow(home: Mapping[str, str], folder: Path, sandbox: Sandbox) -> Iterator[subprocess.Popen[str]]:
    """What `make airflow` starts, on a free port, asking this sandbox."""
    clean = {name: value for name, value in home.items() if not name.startswith("AIRFLOW")}
    more = {"PORT": str(free_port()), "ANTHROPIC_BASE_URL": sandbox.url, "VERBATIMS_CONCURRENCY": "1"}
    started = subprocess.Popen(
        [sys.executable, folder / "dags" / "local.py"],
        env={**clean, "PYTHONPATH": str(folder), **more},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        started.terminate()
        started.communicate(timeout=120)
        for pid in living(folder):  # of a program that failed this test
            os.kill(pid, signal.SIGKILL)


def living(folder: Path) -> list[int]:
    """The processes that work there. Their environment would not do: Airflow writes its titles over it."""
    return [int(link.parent.name) for link in Path("/proc").glob("[0-9]*/cwd") if target(link) == str(folder)]


def target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:  # it has ended, or is another's
        return ""


def ignores(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    [mask] = re.findall(r"^SigIgn:\s*(\w+)", status, re.MULTILINE)
    return bool(int(mask, 16) >> (number - 1) & 1)


def bills(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def asking(folder: Path) -> list[Any]:
    """How many processes have a call in flight."""
    return seen(folder, "SELECT count(DISTINCT holder) FROM claims")


def seen(folder: Path, query: str) -> list[Any]:
    """The same as `rows`, of a store that may still be in the making."""
    try:
        return rows(folder, query)
    except sqlite3.OperationalError:
        return []
