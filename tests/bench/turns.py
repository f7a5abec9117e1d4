"""Programs that take turns beside one stand-in for Claude, and what each turn has measured of itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..stack.server import free_port
from ..stack.servers import build
from ..stack.stack import Stack

ROOT = Path(__file__).parents[2]

OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE")
"""Beginnings of variables that a measurement does not take from its environment."""

Turn = dict[str, Any]


class StandIn:
    """A process of `stand_in.py`."""

    def __init__(self, latency_s: float | None = None) -> None:
        more = [] if latency_s is None else [str(latency_s)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([sys.executable, "-m", "tests.bench.stand_in", *more], cwd=ROOT, **pipes)
        self.url = f"http://127.0.0.1:{self._read()}"

    def counts(self) -> dict[str, float]:
        """What was answered since the last call."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, float] = json.loads(self._read())
        return found

    def stop(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _read(self) -> str:
        return str(self._process.stdout.readline()).strip()


@contextmanager
def receiver() -> Iterator[tuple[str, str]]:
    """What takes OTLP: its endpoint, and what it is. The real Collector where `make test-stack` has built it.

    Its Tempo is away: what it takes is queued on its disk, and no other process takes the processor's time.
    """
    if (binaries := build.folder("collector")).is_dir():
        with tempfile.TemporaryDirectory() as folder:
            stack = Stack(dict.fromkeys(build.SERVERS, binaries), Path(folder))
            stack.collector.start()
            stack.collector.wait()
            try:
                yield stack.otlp_endpoint, "the Collector"
            finally:
                stack.collector.stop()
        return
    code = "from tests.bench.otlp_sink import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}", "a receiver that throws all away"
    finally:
        process.terminate()
        process.wait(10)


def nobody() -> str:
    """The endpoint of a Collector that is down."""
    return f"http://127.0.0.1:{free_port()}"


def take_turn(module: str, arguments: list[str], in_flight: int, stand_in: StandIn, endpoint: str | None) -> Turn:
    """Run one program once, in an empty folder. Raises RuntimeError where it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with tempfile.TemporaryDirectory() as folder:
        environment = kept | {
            "PYTHONPATH": str(ROOT),
            "SCRAPER_MODE": "prod",
            "ANTHROPIC_BASE_URL": stand_in.url,
            "ANTHROPIC_API_KEY": "none",
            "VERBATIMS_MODEL": "claude-haiku-4-5",
            "VERBATIMS_CONCURRENCY": str(in_flight),
            **({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if endpoint else {}),
        }
        command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"{module}: {ended.stderr[-2000:]}")
    lost = re.search(r"telemetry: (\d+) spans?", ended.stderr)
    found: Turn = json.loads(ended.stdout.splitlines()[-1])
    return found | {"most": stand_in.counts()["most_in_flight"], "lost_spans": int(lost[1]) if lost else 0}
