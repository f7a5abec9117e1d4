"""The loop of the pipeline service, as it stands in docker-compose.yml, around a stub of `verbatims`."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from stack.server import eventually

from .installation import ROOT

Loop = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Starts the loop with a stub whose text is given; its calls are lines of the file `calls`."""
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["pipeline"]
    script = command["command"][2].replace("$$", "$").replace("/tmp/", f"{tmp_path}/")
    started: list[subprocess.Popen[bytes]] = []

    def start(stub: str, **environment: str) -> subprocess.Popen[bytes]:
        program = tmp_path / "verbatims"
        program.write_text(f'#!/bin/sh\necho "$1 $ANTHROPIC_BASE_URL" >> {tmp_path}/calls\n{stub}\n', encoding="utf-8")
        program.chmod(0o755)
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SANDBOX_URL": "http://sandbox:9100"}
        with (tmp_path / "words").open("wb") as words:
            started.append(
                subprocess.Popen(
                    ["sh", "-c", script],
                    env=path | {"SCRAPER_MODE": "sandbox", "PIPELINE_INTERVAL_S": "0.05"} | environment,
                    stdout=subprocess.DEVNULL,
                    stderr=words,
                    start_new_session=True,
                )
            )
        return started[-1]

    yield start
    for process in started:
        # its group is its own: a stub that sleeps goes with it
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def words(folder: Path) -> str:
    return (folder / "words").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("mode", "given", "asked"),
    [
        ("sandbox", "", "http://sandbox:9100"),
        ("sandbox", "http://elsewhere:1", "http://elsewhere:1"),
        ("prod", "", ""),
        ("prod", "https://gateway", "https://gateway"),
    ],
)
def test_only_the_sandbox_mode_is_pointed_at_the_sandbox(
    loop: Loop, tmp_path: Path, mode: str, given: str, asked: str
) -> None:
    loop("exit 0", SCRAPER_MODE=mode, ANTHROPIC_BASE_URL=given)
    eventually(lambda: calls(tmp_path), 10, "a first run")
    assert calls(tmp_path)[0] == f"run {asked}"


def test_a_failed_run_is_said_and_the_next_one_comes(loop: Loop, tmp_path: Path) -> None:
    loop("exit 3")
    eventually(lambda: len(calls(tmp_path)) >= 3, 10, "a third run")
    # written anew by each run: for a moment it is empty
    eventually(lambda: (tmp_path / "failed").read_text(encoding="utf-8") == "3\n", 10, "the exit code")
    assert "pipeline: exit code 3, next run in 0.05 s" in words(tmp_path)


def test_a_good_run_takes_the_failure_back(loop: Loop, tmp_path: Path) -> None:
    loop(f'[ "$(wc -l < {tmp_path}/calls)" -gt 1 ] || exit 3')
    eventually(lambda: len(calls(tmp_path)) >= 3, 10, "a third run")
    assert not (tmp_path / "failed").exists()


def test_sigterm_waits_for_the_run_that_it_stops(loop: Loop, tmp_path: Path) -> None:
    process = loop(f"trap 'sleep 0.3; echo stored >> {tmp_path}/calls; exit 130' TERM; sleep 20 & wait")
    eventually(lambda: calls(tmp_path), 10, "a first run")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert calls(tmp_path)[1:] == ["stored"]


def test_sigterm_between_two_runs_ends_it_at_once(loop: Loop, tmp_path: Path) -> None:
    process = loop("exit 0", PIPELINE_INTERVAL_S="600")
    eventually(lambda: "next run in 600 s" in words(tmp_path), 10, "the end of the first run")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
