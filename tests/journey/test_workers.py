"""Workers of one store beside each other: with other settings, in other containers, killed and stopped."""

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from required import skip_or_fail

from pipeline.sandbox import Sandbox
from pipeline.store import open_store
from pipeline.store.tables import analyses

from .conftest import Shell, query, write_jsonl

pytestmark = pytest.mark.long

TEXTS, CONCURRENCY = 120, 4
AT_RISK = CONCURRENCY * 3 // 2
"""Answers in flight, or on their way into the store, at most."""
TOPICS = "topics:\n  - {id: delivery, fr: Livraison, en: Delivery}\n"
IN_A_CONTAINER = ("unshare", "--pid", "--uts", "--fork", "--mount-proc")
"""Process numbers count from 1 again there, under the same host name."""


@pytest.fixture
def bills(tmp_path: Path) -> Path:
    return tmp_path / "billed.jsonl"


@pytest.fixture
def workers(shell: Shell, store_url: str, tmp_path: Path, bills: Path) -> Iterator[Shell]:
    """A shell whose commands read the same file into the same store."""
    write_jsonl(tmp_path / "reviews.jsonl", [f"La livraison numéro {n} était très rapide" for n in range(TEXTS)])
    (tmp_path / "topics.yaml").write_text(TOPICS, encoding="utf-8")
    with Sandbox(latency_s=0.2, billed=bills) as sandbox:
        shell.environment |= {
            "ANTHROPIC_BASE_URL": sandbox.url,
            "STORE": store_url,
            "WAREHOUSE": f"sqlite:///{tmp_path}/rows.db",
            "VERBATIMS_CONCURRENCY": str(CONCURRENCY),
        }
        open_store(store_url).close()
        yield shell


RUN = ("run", "--input", "reviews.jsonl")
OTHER = {"VERBATIMS_TOPICS": "topics.yaml", "VERBATIMS_MAX_TOKENS": "2048"}


def paid(bills: Path) -> int:
    return len(bills.read_text().splitlines()) if bills.exists() else 0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def rows(folder: Path) -> list[tuple[str, str]]:
    return query(folder / "rows.db", "SELECT text, analyser FROM verbatims_analysed_v2")


def test_of_two_workers_with_other_settings_one_is_killed_and_each_row_says_who_answered(
    workers: Shell, bills: Path, tmp_path: Path, store_url: str
) -> None:
    """As in a rolling deployment. What was in flight at the kill is paid again, and nothing else."""
    killed = workers.start(*RUN)
    until(lambda: paid(bills) > 10)
    other = workers.start(*RUN, **OTHER)
    until(lambda: paid(bills) > 40)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    ended = workers.end(other)
    assert ended.code == 0, ended.err
    assert TEXTS <= paid(bills) <= TEXTS + AT_RISK
    again = workers.process(*RUN)
    assert again.code == 0 and paid(bills) <= TEXTS + AT_RISK
    with closing(open_store(store_url)) as store, store.database.read() as connection:
        stored = Counter(one.analyser for one in connection.execute(analyses.select()))
    assert Counter(analyser for _, analyser in rows(tmp_path)) == stored
    assert len(stored) == 2 and stored.total() == TEXTS


def test_a_worker_that_lives_in_another_container_is_not_taken_for_dead(
    workers: Shell, bills: Path, tmp_path: Path
) -> None:
    if subprocess.run([*IN_A_CONTAINER, "true"], capture_output=True).returncode:
        skip_or_fail("namespaces of processes need root")
    both = [workers.start(*RUN), workers.start(*RUN, within=IN_A_CONTAINER)]
    ended = [workers.end(process) for process in both]
    assert [one.code for one in ended] == [0, 0], ended
    assert (paid(bills), len(rows(tmp_path))) == (TEXTS, TEXTS)


def stop(process: subprocess.Popen[str], store_url: str) -> None:
    """Where a SQLite file is the store, not in a transaction: the file would be locked until the process goes on."""
    if not store_url.startswith("sqlite"):
        process.send_signal(signal.SIGSTOP)
        return
    with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        process.send_signal(signal.SIGSTOP)
        # until all of its threads stand still, one that waits for the lock could still take it
        os.waitpid(process.pid, os.WUNTRACED)
        lock.execute("ROLLBACK")


def test_a_worker_that_was_stopped_asks_nothing_that_another_has_taken_over(
    workers: Shell, bills: Path, tmp_path: Path, store_url: str
) -> None:
    # a lease of a minute would be waited for; Python runs this file at its start
    (tmp_path / "sitecustomize.py").write_text("import pipeline.claiming\npipeline.claiming.LEASE_S = 6.0\n")
    short = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    stopped = workers.start(*RUN, **short)
    until(lambda: paid(bills) > 10)
    stop(stopped, store_url)
    other = workers.end(workers.start(*RUN, **short))
    assert other.code == 0 and len(rows(tmp_path)) == TEXTS, other.err
    stopped.send_signal(signal.SIGCONT)
    ended = workers.end(stopped)
    assert ended.code == 3 and "another has taken over its texts; what came back is stored" in ended.err
    assert paid(bills) <= TEXTS + AT_RISK
