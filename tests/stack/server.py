"""One server as a process: start, readiness check, stop by its own pid."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import requests

READY_WITHIN_S = 60.0
"""Tempo is ready after 16 s on an idle machine."""
STOP_WITHIN_S = 10.0
SHOWN_BYTES = 4000
"""The number of log characters shown for a failed test."""

PORTS = range(20_000, 30_000)
"""Below the ports that Linux gives to outgoing connections (32768 and up) and Kubernetes to nodes (30000 and up): one
was taken by a connection between `free_port` and the start of its server, seen once with Prometheus."""

Found = TypeVar("Found")
_given: set[int] = set()


def free_port() -> int:
    """A loopback port that is free now, each time another one."""
    shuffled = random.SystemRandom().sample(PORTS, len(PORTS))  # Hypothesis seeds `random` itself
    port = next(port for port in shuffled if port not in _given and _is_free(port))
    _given.add(port)
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def eventually(look: Callable[[], Found], within_s: float, what: str, every_s: float = 0.25) -> Found:
    """Call `look` until its result is true and return it; fail with `what` after the timeout."""
    deadline = time.monotonic() + within_s
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:.0f} s: {what} (last: {found!r})")
        time.sleep(every_s)


def get(url: str, **options: Any) -> requests.Response:
    """GET on loopback, without any proxy of the environment."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10, **options)


@dataclass
class Server:
    """A command and its readiness check. A restart keeps the ports, files and log."""

    name: str
    command: Sequence[str]
    ready_url: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it without waiting; `wait` waits until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.log.parent,
                env={"PATH": os.environ.get("PATH", ""), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        """Wait until it is ready."""
        eventually(self._ready, READY_WITHIN_S, f"{self.name} is ready\n{self.tail()}")

    def kill(self) -> None:
        """Kill it without flush or shutdown, as a machine failure would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_WITHIN_S)

    def ask_to_stop(self) -> None:
        """Ask it to shut down; `stop` waits for that."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> None:
        """Shut it down; kill it if it does not end in time."""
        self.ask_to_stop()
        if self.process is None:
            return
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self) -> str:
        """The end of its log."""
        if not self.log.is_file():
            return ""
        return self.log.read_bytes()[-SHOWN_BYTES:].decode(errors="replace")

    def _ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended by itself\n{self.tail()}")
        try:
            return get(self.ready_url).status_code == 200
        except requests.RequestException:
            return False
