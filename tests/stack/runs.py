"""The pipeline as short-lived processes, as a scheduler starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE")
"""Variables of the test environment that must not reach the processes."""
ENDS_WITHIN_S = 240.0
"""Twenty concurrent runs take 90 s on two slow cores."""


@dataclass
class Run:
    """One process of `verbatims run` and the path of its log."""

    process: subprocess.Popen[bytes]
    log_path: Path

    def alive(self) -> bool:
        return self.process.poll() is None

    def interrupt(self) -> None:
        """Send SIGTERM, as a scheduler does to stop a task."""
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """Wait for its end; return its exit code."""
        return self.process.wait(ENDS_WITHIN_S)

    def output(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")


class Runs:
    """Starts runs in one folder with one environment, and stops those that are left."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.store = f"sqlite:///{folder / 'store.db'}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        # export each second: the tests check what arrives, not when
        shared = {"PYTHONPATH": str(ROOT), "STORE": self.store, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
        self._environment = clean | shared | environment
        self.all: list[Run] = []

    def start(self, name: str, texts: Sequence[str], mode: str = "live", **environment: str) -> Run:
        """Start `verbatims run` on a new file; ids are the file's name and the text's position."""
        file = self.folder / f"{name}.jsonl"
        reviews = ({"id": f"{name}-{number}", "texte": text, "langue": "fr"} for number, text in enumerate(texts))
        lines = (json.dumps(review, ensure_ascii=False) for review in reviews)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        log_path = self.folder / f"{name}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "run", "--input", file.name, "--mode", mode],
                cwd=self.folder,
                env=self._environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        run = Run(process, log_path)
        self.all.append(run)
        return run

    def stop(self) -> None:
        """Kill the runs that are still alive, each by its own pid."""
        for run in self.all:
            if run.alive():
                run.process.kill()
                run.process.wait(10)
