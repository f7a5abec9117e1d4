"""The main job on real reviews: every record has one outcome and nothing is paid twice, also after failures."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.sandbox import Sandbox

from .conftest import Command, Shell, query, write_jsonl

COLUMNS = ("--text-column", "texte", "--id-column", "id", "--rating-column", "note", "--language-column", "langue")
ROWS = "SELECT * FROM verbatims_analysed_v2 ORDER BY verbatim_id"


def answers(store: Path) -> int:
    return int(query(store, "SELECT count(*) FROM answers")[0][0])


def billed(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def several(folder: Path, number: int = 400) -> Path:
    return write_jsonl(folder / "reviews.jsonl", [f"La livraison numéro {i} était très rapide" for i in range(number)])


def assert_accounted(data: dict[str, Any]) -> bool:
    everything = data["analysed"] + data["from_cache"] + sum(data["failed"].values()) + sum(data["skipped"].values())
    return bool(everything == data["scraped"] and data["loaded"] == data["analysed"] + data["from_cache"])


@pytest.mark.data
def test_six_thousand_real_reviews_are_analysed_and_a_repeat_changes_nothing(shell: Shell, reviews: Path) -> None:
    arguments = ("run", "--input", str(reviews / "avis_apps_fr.jsonl"), *COLUMNS, "--json")
    process = shell.start(*arguments)
    peak = _peak_kb(process)
    first = shell.end(process)
    assert first.code == 0, first.err
    assert peak < 350_000
    assert first.data["scraped"] == 6000 and assert_accounted(first.data)
    store = shell.folder / "var" / "verbatims.db"
    rows = query(store.with_name("verbatims-warehouse.db"), ROWS)
    again = shell.process(*arguments)
    assert (again.data["analysed"], again.data["calls"], again.data["cost_usd"]) == (0, 0, 0) and assert_accounted(
        again.data
    )
    assert query(store.with_name("verbatims-warehouse.db"), ROWS) == rows


def _peak_kb(process: subprocess.Popen[str]) -> int:
    """The peak resident size of a process. `ru_maxrss` would include this test's own."""
    peak = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
        time.sleep(0.1)
    return peak


def test_a_run_with_missing_rows_is_published_only_after_they_are_reloaded(verbatims: Command, tmp_path: Path) -> None:
    file, rows = several(tmp_path, 60), tmp_path / "var" / "verbatims-warehouse.db"
    assert verbatims("run", "--input", file.name).code == 0
    with closing(sqlite3.connect(rows)) as warehouse, warehouse:
        warehouse.execute("DELETE FROM verbatims_analysed_v2 WHERE rowid % 6 = 0")
    stopped = verbatims("publish")
    assert stopped.code == 1 and "50 of the 60 verbatims" in stopped.err
    assert [verbatims(stage).code for stage in ("load", "publish")] == [0, 0]


@pytest.mark.long
def test_a_killed_run_resumes_and_pays_again_only_for_requests_in_flight(shell: Shell, tmp_path: Path) -> None:
    file, bills, store = several(tmp_path), tmp_path / "billed.jsonl", tmp_path / "var" / "verbatims.db"
    with Sandbox(latency_s=0.2, billed=bills) as sandbox:
        shell.environment |= {"ANTHROPIC_BASE_URL": sandbox.url, "VERBATIMS_CONCURRENCY": "16"}
        process = shell.start("run", "--input", file.name, "--json")
        _until(lambda: billed(bills) > 100)
        process.kill()
        shell.end(process)
        time.sleep(0.5)  # the requests in flight are answered and billed by now
        kept, paid = answers(store), billed(bills)
        assert 0 < kept < 400 and paid - kept <= 24
        ended = shell.process("run", "--input", file.name, "--json")
        assert (ended.code, ended.data["from_cache"], ended.data["analysed"]) == (0, kept, 400 - kept)
        assert billed(bills) == paid + 400 - kept
    assert query(
        store.with_name("verbatims-warehouse.db"),
        "SELECT count(*), count(DISTINCT external_id) FROM verbatims_analysed_v2",
    ) == [(400, 400)]


@pytest.mark.long
def test_two_processes_on_one_store_pay_each_text_once(shell: Shell, tmp_path: Path) -> None:
    file, bills, store = several(tmp_path), tmp_path / "billed.jsonl", tmp_path / "var" / "verbatims.db"
    with Sandbox(latency_s=0.1, billed=bills) as sandbox:
        shell.environment |= {"ANTHROPIC_BASE_URL": sandbox.url}  # each with the default of 64 in flight
        both = [shell.start("run", "--input", file.name, "--json") for _ in range(2)]
        ended = [shell.end(process) for process in both]
    assert [one.code for one in ended] == [0, 0], ended
    assert billed(bills) == answers(store) == 400
    assert sum(one.data["analysed"] for one in ended) == 400
    assert all(assert_accounted(one.data) and one.data["loaded"] == 400 for one in ended)


@pytest.mark.long
@pytest.mark.parametrize(
    "numbers", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGALRM], [signal.SIGINT, signal.SIGTERM]], ids=str
)
def test_an_interrupted_run_keeps_answers_in_flight_and_says_how_to_resume(
    shell: Shell, tmp_path: Path, numbers: list[signal.Signals]
) -> None:
    """In the last two ways Airflow ends a task: at its execution timeout, and when it is marked failed."""
    file, bills = several(tmp_path), tmp_path / "billed.jsonl"
    with Sandbox(latency_s=0.3, billed=bills) as sandbox:
        shell.environment |= {"ANTHROPIC_BASE_URL": sandbox.url, "VERBATIMS_CONCURRENCY": "16"}
        process = shell.start("run", "--input", file.name)
        _until(lambda: billed(bills) > 40)
        for number in numbers:
            process.send_signal(number)
        ended = shell.end(process)
    assert ended.code == 130
    assert f"to go on: verbatims run --input {file.name}" in ended.err.replace(f"{sys.executable} -m pipeline", "")
    assert billed(bills) == answers(tmp_path / "var" / "verbatims.db") < 400


def test_the_stages_run_one_by_one_give_the_same_rows(verbatims: Command, tmp_path: Path) -> None:
    file = several(tmp_path, 20)
    run_id = verbatims("scrape", "--input", file.name, STORE="sqlite:///a.db").out.strip()
    for stage in ("clean", "analyse", "load"):
        ended = verbatims(stage, "--run", run_id, "--json", STORE="sqlite:///a.db")
        assert ended.code == 0, ended.err
    assert (ended.data["run_id"], ended.data["analysed"]) == (run_id, 20)
    assert verbatims("run", "--input", file.name, STORE="sqlite:///b.db").code == 0
    facts = "SELECT verbatim_id, text, summary, sentiment, topics, input_tokens FROM verbatims_analysed_v2 ORDER BY 1"
    # not by row: the first answer pays for the cached prompt, and which one that is depends on the order
    cost = "SELECT round(sum(cost_usd), 8) FROM verbatims_analysed_v2"
    for asked in (facts, cost):
        assert query(tmp_path / "a-warehouse.db", asked) == query(tmp_path / "b-warehouse.db", asked)


@pytest.mark.long
def test_standard_input_is_a_source(shell: Shell) -> None:
    process = shell.start("run", "--input", "-", "--json", stdin=-1)
    ended = shell.end(process, '{"id": 1, "texte": "Une livraison très rapide"}\n')
    assert (ended.code, ended.data["loaded"]) == (0, 1)
    [(source, model)] = query(
        shell.folder / "var/verbatims-warehouse.db", "SELECT source, model FROM verbatims_analysed_v2"
    )
    assert (source, model) == ("stdin", "sandbox")


@pytest.mark.long
def test_a_full_disk_stops_the_run_with_one_line_and_the_next_run_resumes(shell: Shell, tmp_path: Path) -> None:
    file = several(tmp_path, 300)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    # no file of the process may grow beyond this: SQLite then gets the error of a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, limit[1]))
    try:
        process = shell.start("run", "--input", file.name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    ended = shell.end(process)
    assert ended.code == 3 and "the store" in ended.err and "to go on:" in ended.err, ended
    assert "Traceback" not in ended.err
    again = shell.process("run", "--input", file.name, "--json")
    assert (again.code, again.data["loaded"]) == (0, 300)


def _until(condition: Any, seconds: float = 60) -> None:
    """Wait for a condition that another process meets; fail after the timeout."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.mark.long
def test_an_outage_stops_the_run_before_every_text_is_sent(verbatims: Command, tmp_path: Path) -> None:
    file = several(tmp_path)
    with Sandbox(latency_s=0, faults={"overloaded": 1.0}) as sandbox:
        ended = verbatims(
            "run",
            "--input",
            file.name,
            ANTHROPIC_BASE_URL=sandbox.url,
            VERBATIMS_CONCURRENCY="8",
            VERBATIMS_RETRY_S="0",
        )
    assert ended.code == 3 and "Claude's API is out: 5 of the last 5 texts failed, most with http_529" in ended.err
    calls = query(tmp_path / "var/verbatims.db", "SELECT count(*) FROM attempts")[0][0]
    assert 5 <= calls < 70
    # after the outage the same command loads every row
    assert verbatims("run", "--input", file.name, "--json").data["loaded"] == 400


def test_a_rate_limit_is_distinguished_from_an_outage(verbatims: Command, tmp_path: Path) -> None:
    file = several(tmp_path)
    with Sandbox(latency_s=0, faults={"rate_limited": 1.0}) as sandbox:
        ended = verbatims("run", "--input", file.name, ANTHROPIC_BASE_URL=sandbox.url, VERBATIMS_RETRY_S="0")
    assert ended.code == 3 and "Claude's rate limit leaves no room; wait, or lower VERBATIMS_CONCURRENCY" in ended.err


@pytest.mark.long
def test_a_run_interrupted_before_reading_offers_no_resume(shell: Shell, tmp_path: Path) -> None:
    process = shell.start("run", "--input", "-", stdin=subprocess.PIPE)
    time.sleep(4)  # imports take 2 s; then the process waits for the first byte
    process.send_signal(signal.SIGTERM)
    ended = shell.end(process)
    assert ended.code == 130 and "to go on" not in ended.err
    assert not (tmp_path / "var").exists()


def test_a_limit_reads_the_first_records_only(verbatims: Command, tmp_path: Path) -> None:
    file = several(tmp_path, 20)
    assert verbatims("run", "--input", file.name, "--limit", "3", "--json").data["scraped"] == 3


def test_an_edited_text_is_analysed_again_and_replaces_its_row(verbatims: Command, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", ["La livraison est parfaite"])
    verbatims("run", "--input", file.name)
    write_jsonl(file, ["La livraison est une catastrophe"])
    assert verbatims("run", "--input", file.name, "--id-column", "id", "--json").data["analysed"] == 1
    rows = query(tmp_path / "var/verbatims-warehouse.db", "SELECT text, sentiment FROM verbatims_analysed_v2")
    assert rows == [("La livraison est une catastrophe", "negative")]


def test_an_edited_text_that_is_skipped_deletes_its_old_row(verbatims: Command, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "reviews.jsonl", ["La livraison est parfaite", "Le prix est trop élevé"])
    verbatims("run", "--input", file.name)
    write_jsonl(file, ["Super", "Le prix est trop élevé"])
    assert verbatims("run", "--input", file.name, "--id-column", "id", "--json").data["loaded"] == 1
    assert query(tmp_path / "var/verbatims-warehouse.db", "SELECT external_id FROM verbatims_analysed_v2") == [("r1",)]


def test_a_permanent_failure_is_not_sent_again(verbatims: Command, tmp_path: Path) -> None:
    file, bills = several(tmp_path, 20), tmp_path / "billed.jsonl"
    with Sandbox(latency_s=0, faults={"refused": 0.5}, billed=bills) as sandbox:
        first = verbatims("run", "--input", file.name, "--json", ANTHROPIC_BASE_URL=sandbox.url)
        second = verbatims("run", "--input", file.name, "--json", ANTHROPIC_BASE_URL=sandbox.url)
    refused = first.data["failed"]["refused"]
    assert (first.code, second.code) == (1, 1) and 0 < refused < 20
    assert second.data["failed"] == {"refused": refused} and second.data["calls"] == 0
    assert billed(bills) == 20 and assert_accounted(second.data)
    assert {json.loads(line)["outcome"] for line in verbatims("failed").out.splitlines()} == {"refused"}


def test_no_process_is_left_after_a_run(verbatims: Command, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/task"))
    verbatims("run", "--input", several(tmp_path, 5).name)
    _until(lambda: len(os.listdir("/proc/self/task")) <= before, 10)


@pytest.mark.long
def test_two_processes_on_postgres_share_the_work_and_pay_each_text_once(
    shell: Shell, tmp_path: Path, postgres: str
) -> None:
    file, bills = several(tmp_path, 200), tmp_path / "billed.jsonl"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE journey")
    with Sandbox(latency_s=0.05, billed=bills) as sandbox:
        shell.environment |= {
            "ANTHROPIC_BASE_URL": sandbox.url,
            "STORE": f"{postgres}/journey",
            "WAREHOUSE": "sqlite:///var/verbatims-warehouse.db",
            "VERBATIMS_CONCURRENCY": "8",
        }
        both = [shell.start("run", "--input", file.name, "--json") for _ in range(2)]
        ended = [shell.end(process) for process in both]
    assert [one.code for one in ended] == [0, 0], ended
    assert billed(bills) == sum(one.data["analysed"] for one in ended) == 200
    assert all(assert_accounted(one.data) and one.data["loaded"] == 200 for one in ended)
    assert query(tmp_path / "var/verbatims-warehouse.db", "SELECT count(*) FROM verbatims_analysed_v2") == [(200,)]


def test_a_text_has_two_answers_at_most_over_all_processes(verbatims: Command, tmp_path: Path) -> None:
    """One that nobody can read, then an outage: the next process asks once more, not twice."""
    texts = [f"La livraison numéro {n} était rapide" for n in range(40)]
    write_jsonl(tmp_path / "reviews.jsonl", texts)
    with Sandbox(latency_s=0, faults={"unreadable": 0.5, "overloaded": 0.4}, seed=3) as faulty:
        given = {"ANTHROPIC_BASE_URL": faulty.url, "VERBATIMS_RETRY_S": "0"}
        first = verbatims("run", "--input", "reviews.jsonl", "--json", **given).data
    answered = "SELECT count(*) FROM attempts WHERE outcome <> 'failed' GROUP BY text_id ORDER BY 1 DESC"
    assert first["failed"]["failed"] > 0 and query(tmp_path / "var/verbatims.db", answered)
    with Sandbox(latency_s=0, faults={"unreadable": 1.0}) as unreadable:
        verbatims("analyse", "--run", first["run_id"], ANTHROPIC_BASE_URL=unreadable.url)
        verbatims("analyse", "--run", first["run_id"], ANTHROPIC_BASE_URL=unreadable.url)
    assert query(tmp_path / "var/verbatims.db", answered)[0] == (2,)
