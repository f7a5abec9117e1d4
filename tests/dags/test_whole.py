"""The nightly run end to end in one process against the sandbox, and the Airflow of `make airflow`."""

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

from .batch import tries

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
    """The result of one run: its state, its tasks' states and its output."""

    state: str
    tasks: dict[str, str]
    said: str


Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """An Airflow without servers: its settings, with a migrated database."""
    if find_spec("airflow") is None:
        skip_or_fail("Airflow is not installed (make test-airflow does it)")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    settings = clean | environment(tmp_path_factory.mktemp("airflow"), free_port()) | {"PYTHONPATH": str(ROOT)}
    subprocess.run([BIN / "airflow", "db", "migrate"], env=settings, check=True, capture_output=True, timeout=180)
    return settings


@pytest.fixture
def run(home: Mapping[str, str], tmp_path: Path) -> Run:
    """Runs a DAG for one day, in its own process and folder."""

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
    """What a query finds, with the warehouse beside the store as analysts have it."""
    with closing(sqlite3.connect(folder / "var" / "verbatims.db")) as store:
        store.execute("ATTACH ? AS warehouse", (str(folder / "var" / "verbatims-warehouse.db"),))
        return store.execute(query).fetchall()


FACTS = "SELECT verbatim_id, text, summary, sentiment, cost_usd, run_id FROM verbatims_analysed_v2 ORDER BY 1"


def test_a_repeated_day_gives_the_same_rows(
    run: Run, home: Mapping[str, str], tmp_path: Path, receiver: Receiver
) -> None:
    with Sandbox(latency_s=0, billed=tmp_path / "billed.jsonl") as sandbox:
        here = {"ANTHROPIC_BASE_URL": sandbox.url, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        moment = today()
        first = run(moment, conf={"workers": 2}, **here)
        assert first.state == "success", first.said[-3000:]
        before, bills = rows(tmp_path, FACTS), (tmp_path / "billed.jsonl").read_bytes()
        assert (tmp_path / "var" / "reports" / f"day-{moment[:10]}-sandbox.html").is_file()
        assert len(before) == rows(tmp_path, "SELECT count(*) FROM texts WHERE current IS NOT NULL")[0][0] > 250
        again = run(moment, **here)
    assert again.state == "success", again.said[-3000:]
    assert rows(tmp_path, FACTS) == before and (tmp_path / "billed.jsonl").read_bytes() == bills
    spans = [span for span in receiver.spans() if span.name.startswith("stage")]
    assert len({span.trace_id for span in spans}) == 1, "Airflow's unsampled parent dropped our spans"
    [event, repeated_event] = published(home)
    assert (event["run_id"], event["analysed"], event["pending"]) == (f"day-{moment[:10]}", len(before), 0)
    assert repeated_event == event


def published(home: Mapping[str, str]) -> list[dict[str, Any]]:
    """The extra data of the last two asset events, the oldest first."""
    with closing(sqlite3.connect(Path(home["AIRFLOW_HOME"]) / "airflow.db")) as metadata:
        found = metadata.execute("SELECT extra FROM asset_event ORDER BY id DESC LIMIT 2").fetchall()
    return [json.loads(extra) for (extra,) in reversed(found)]


def test_housekeeping_erases_texts_and_keeps_counts(run: Run, tmp_path: Path) -> None:
    with Sandbox(latency_s=0) as sandbox:
        assert run(today(), ANTHROPIC_BASE_URL=sandbox.url).state == "success"
    with closing(sqlite3.connect(tmp_path / "var" / "verbatims.db", isolation_level=None)) as store:
        store.execute("UPDATE texts SET seen_on = '2026-01-01' WHERE source = 'sandbox'")
    counts = "SELECT sentiment, count(*), sum(cost_usd) FROM verbatims_analysed_v2 GROUP BY 1 ORDER BY 1"
    before = rows(tmp_path, counts)
    ended = run(today(), "verbatims_housekeeping", {"days": 30})
    assert ended.state == "success", ended.said[-3000:]
    assert rows(tmp_path, counts) == before
    assert rows(tmp_path, "SELECT count(text), count(summary) FROM verbatims_analysed_v2") == [(0, 0)]


def test_the_sentinel_is_asked_once_it_is_accepted_and_says_what_has_changed(
    run: Run, home: Mapping[str, str], tmp_path: Path
) -> None:
    def verbatims(*arguments: str) -> None:
        command = [sys.executable, "-m", "pipeline", *arguments]
        subprocess.run(command, env=dict(home), cwd=tmp_path, check=True, capture_output=True, timeout=170)

    verbatims("run")
    early = run(today(), "verbatims_sentinel")
    assert early.tasks == {"ask": "skipped"} and "no sentinel is accepted yet" in early.said
    verbatims("sentinel", "accept", "--yes")
    with Sandbox(latency_s=0, drift="negative=0.5") as drifting:
        ended = run(today(), "verbatims_sentinel", {"mode": "live"}, ANTHROPIC_BASE_URL=drifting.url)
    assert ended.state == "success", ended.said[-3000:]
    flips = "SELECT sum(a.sentiment <> a.accepted) FROM sentinel_answers a JOIN runs USING (run_id) WHERE purpose = ?"
    with closing(sqlite3.connect(tmp_path / "var" / "verbatims.db")) as store:
        [(accepted,)], [(weekly,)] = (store.execute(flips, (one,)).fetchall() for one in ("acceptance", "sentinel"))
    assert accepted == 0 < weekly
    assert f"{weekly} of " in ended.said and "have another sentiment than the accepted one" in ended.said


def test_a_past_day_of_which_the_store_holds_nothing_is_skipped_and_leaves_nothing_behind(
    run: Run, home: Mapping[str, str], tmp_path: Path, receiver: Receiver
) -> None:
    events = events_of(home)
    ended = run("2026-02-03T02:00:00+00:00", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    assert ended.state == "success", ended.said[-3000:]
    assert set(ended.tasks.values()) == {"skipped"}, ended.tasks
    assert "2026-02-03 has gone by and the store holds nothing of it: there is nothing to do" in ended.said
    assert rows(tmp_path, "SELECT count(*) FROM runs") == [(0,)]
    assert events_of(home) == events and tries(receiver) == {}


def test_a_past_day_of_which_the_store_holds_something_reads_no_source_and_says_so(
    run: Run, home: Mapping[str, str], tmp_path: Path
) -> None:
    with Sandbox(latency_s=0) as sandbox:
        here = {"ANTHROPIC_BASE_URL": sandbox.url}
        assert run(today(), **here).state == "success"
        with closing(sqlite3.connect(tmp_path / "var" / "verbatims.db", isolation_level=None)) as store:
            store.execute("UPDATE texts SET seen_on = '2026-02-03' WHERE text_id <= 20")
        events = events_of(home)
        ended = run("2026-02-03T02:00:00+00:00", **here)
    assert ended.state == "success", ended.said[-3000:]
    assert "2026-02-03 has gone by: its verbatims come from the store, and no source is read" in ended.said
    assert rows(tmp_path, "SELECT input FROM runs WHERE run_id = 'day-2026-02-03'") == [("the store",)]
    assert rows(tmp_path, "SELECT count(*) FROM run_records WHERE run_id = 'day-2026-02-03'") == [(20,)]
    assert events_of(home) == events + 1


def events_of(home: Mapping[str, str]) -> int:
    """How many events of assets there are."""
    with closing(sqlite3.connect(Path(home["AIRFLOW_HOME"]) / "airflow.db")) as metadata:
        found: int = metadata.execute("SELECT count(*) FROM asset_event").fetchone()[0]
    return found


def test_a_failure_names_its_stage_run_and_trace(run: Run, tmp_path: Path, receiver: Receiver) -> None:
    """The warehouse becomes unreachable between two runs of a day."""
    with Sandbox(latency_s=0) as sandbox:
        here = {"ANTHROPIC_BASE_URL": sandbox.url, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        moment = today()
        assert run(moment, **here).state == "success"
        ended = run(moment, **here, WAREHOUSE="sqlite:////proc/nowhere/rows.db")
    assert (ended.state, ended.tasks["scrape"], ended.tasks["load"]) == ("failed", "failed", "upstream_failed")
    assert ended.tasks["report"] == "success", "a failed night has a report too, and stays failed"
    [trace_id] = {span.trace_id.hex() for span in receiver.spans() if span.name == "run"}
    run_id = f"day-{moment[:10]}"
    assert f"verbatims_daily failed at stage scrape, try 1: run {run_id}, trace {trace_id}: WAREHOUSE: " in ended.said


def test_a_missing_key_fails_the_first_task_with_a_line_that_names_it(run: Run, tmp_path: Path) -> None:
    """The settings can't be loaded, so the trace can't be read from the store."""
    moment = today()
    ended = run(moment, SCRAPER_MODE="prod", ANTHROPIC_API_KEY="")
    assert (ended.state, ended.tasks["scrape"], ended.tasks["load"]) == ("failed", "failed", "upstream_failed")
    line = f"failed at stage scrape, try 1: run day-{moment[:10]}, trace unknown: ANTHROPIC_API_KEY: "
    assert line in ended.said
    assert not (tmp_path / "var").exists()


def test_make_airflow_interrupted_during_a_run_resumes_it(home: Mapping[str, str], tmp_path: Path) -> None:
    """In a copy of the checkout, since its data is in var/; ended by the signals that `kill` and `make` send."""
    for name in ("dags", "pipeline"):
        shutil.copytree(ROOT / name, tmp_path / name)
    slow, quick = tmp_path / "slow.jsonl", tmp_path / "quick.jsonl"
    with Sandbox(latency_s=1, billed=slow) as sandbox, local_airflow(home, tmp_path, sandbox) as started:
        eventually(lambda: holders(tmp_path) == [(4,)], 240, "four workers wait for Claude")
        assert len(pids_in(tmp_path)) > 10, "three servers, the executor's workers and their tasks"
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            started.send_signal(number)
            eventually(lambda: ignores(started, signal.SIGTERM), 10, "the first signal is handled")
        said, _ = started.communicate(timeout=120)
        assert (started.returncode, pids_in(tmp_path)) == (0, [])
    assert said.splitlines()[-1] == "airflow: ended"
    assert f"user {USER}, password {password(tmp_path / 'var' / 'airflow')}" in said
    stored = rows(tmp_path, "SELECT count(*) FROM answers")[0][0]
    assert len(bills(slow)) == stored < 200, "requests in flight were answered, and no new request was sent"
    with Sandbox(latency_s=0, billed=quick) as sandbox, local_airflow(home, tmp_path, sandbox) as started:
        eventually(
            lambda: rows_if_ready(tmp_path, "SELECT 1 FROM runs WHERE ended_at IS NOT NULL"), 240, "the first run"
        )
        started.send_signal(signal.SIGINT)
        started.communicate(timeout=120)
        assert (started.returncode, pids_in(tmp_path)) == (0, [])
    analysed = rows(tmp_path, "SELECT count(*) FROM texts WHERE current IS NOT NULL")
    assert rows(tmp_path, "SELECT count(*) FROM verbatims_analysed_v2") == analysed
    assert rows(tmp_path, "SELECT count(*) FROM answers") == [(len(bills(slow)) + len(bills(quick)),)]


def test_make_airflow_names_the_port_in_use(tmp_path: Path) -> None:
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
    """The process of `make airflow`, on a free port, with this sandbox."""
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
        for pid in pids_in(folder):  # processes left by a failed test
            os.kill(pid, signal.SIGKILL)


def pids_in(folder: Path) -> list[int]:
    """Processes whose working folder this is. Their environment is no use: Airflow's titles overwrite it."""
    return [int(link.parent.name) for link in Path("/proc").glob("[0-9]*/cwd") if target(link) == str(folder)]


def target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:  # it has ended, or belongs to another user
        return ""


def ignores(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    [mask] = re.findall(r"^SigIgn:\s*(\w+)", status, re.MULTILINE)
    return bool(int(mask, 16) >> (number - 1) & 1)


def bills(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def holders(folder: Path) -> list[Any]:
    """The number of processes with a request in flight."""
    return rows_if_ready(folder, "SELECT count(DISTINCT holder) FROM claims")


def rows_if_ready(folder: Path, query: str) -> list[Any]:
    """Like `rows`, for a store whose tables may not exist yet."""
    try:
        return rows(folder, query)
    except sqlite3.OperationalError:
        return []
