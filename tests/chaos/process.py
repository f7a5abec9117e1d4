"""The processes of a round: their output goes to files, and each is ended by its own handle."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from .start import start

ROOT = Path(__file__).parents[2]
OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE")
ENDS_WITHIN_S = 150.0
ENTRY = "chaos.entry"


@dataclass
class Process:
    """A command that has been started."""

    name: str
    handle: subprocess.Popen[bytes] | BaseProcess
    log: Path

    @property
    def code(self) -> int | None:
        """Its exit code; None while it lives."""
        return self.handle.poll() if isinstance(self.handle, subprocess.Popen) else self.handle.exitcode

    @property
    def said(self) -> str:
        """All its output."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def end(self) -> int:
        """Wait for its end; returns its exit code."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while (code := self.code) is None:
            assert time.monotonic() < deadline, f"{self.name} did not end within {ENDS_WITHIN_S:.0f} s"
            time.sleep(0.05)
        return code

    def kill(self) -> None:
        self.handle.kill()
        self.end()

    def freeze(self, seconds: float) -> None:
        """It does nothing for a while, and does not know it."""
        self._signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._signal(signal.SIGCONT)

    def fill_disk(self, seconds: float) -> None:
        """No file that it writes can grow for a while."""
        self._limit_files(4096)
        time.sleep(seconds)
        self._limit_files(resource.RLIM_INFINITY)

    def _signal(self, number: signal.Signals) -> None:
        if self.code is None and self.handle.pid:
            os.kill(self.handle.pid, number)

    def _limit_files(self, size: int) -> None:
        if self.code is None and self.handle.pid:
            resource.prlimit(self.handle.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@dataclass
class Shell:
    """`verbatims …` in the folder of a round."""

    folder: Path
    environment: Mapping[str, str]
    started: list[Process] = field(default_factory=list)

    def start(self, *arguments: str, **more: str) -> Process:
        """Start a command and return at once."""
        name = f"{len(self.started):02d} {arguments[0]}"
        log = self.folder / f"{name}.log"
        log.touch()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        environment = {**clean, **self.environment, **more}
        handle = (_new if "LD_PRELOAD" in more else _copy)(arguments, self.folder, environment, log)
        self.started.append(process := Process(name, handle, log))
        return process

    def close(self) -> None:
        """Nothing that was started here runs any more."""
        for process in self.started:
            if process.code is None:
                process.kill()


def _copy(arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], log: Path) -> BaseProcess:
    """A copy of a process that has imported all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([ENTRY])
    process = context.Process(target=start, args=(arguments, str(folder), dict(environment), str(log)))
    process.start()
    return process


def _new(
    arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """One from the start: a library can be put before the others only there."""
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", ENTRY, *arguments],
            cwd=folder,
            env={**environment, **path},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
