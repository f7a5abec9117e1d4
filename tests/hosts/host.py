"""One host: a Celery worker with its own network, processes, host name and folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from local import BIN
from stack.server import STOP_WITHIN_S, Server, eventually

from .network import Network

STARTED = "celery@{name} ready"
"""What Celery writes when it takes tasks."""


class Host:
    """A worker that sees nothing of `hidden`, the folders of the others."""

    def __init__(self, network: Network, name: str, folder: Path, queues: Sequence[str], tasks: int) -> None:
        self.name, self.folder, self._network = name, folder, network
        self._space, self.address = network.add(name)
        self._worker = [str(BIN / "airflow"), "celery", "worker", "--queues", ",".join(queues)]
        self._worker += ["--concurrency", str(tasks), "--celery-hostname", f"celery@{name}", "--without-gossip"]
        self.server: Server | None = None

    def start(self, environment: Mapping[str, str], hidden: Sequence[Path]) -> None:
        """Start the worker without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n", encoding="utf-8")
        given = {**environment, "HOME": str(self.folder), "AIRFLOW_HOME": str(self.folder / "home")}
        apart = ["unshare", "--uts", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"]
        command = ["ip", "netns", "exec", self._space, *apart, "sh", "-euc", self._boot(hidden), "sh", *self._worker]
        self.server = Server(self.name, command, "", self.folder / "worker.log", given)
        self.server.start()

    def is_ready(self) -> bool:
        """Whether its worker takes tasks. Fails where it has ended."""
        assert self.server is not None and self.server.process is not None
        assert self.server.process.poll() is None, f"{self.name} ended by itself\n{self.server.tail()}"
        return STARTED.format(name=self.name) in self.server.log.read_text(encoding="utf-8", errors="replace")

    def set_env_file(self, **settings: str) -> None:
        """Write the `.env` that the next tasks on this host read."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = (f"{name}={value}\n" for name, value in settings.items())
        (self.folder / ".env").write_text("".join(lines), encoding="utf-8")

    def lose_power(self) -> None:
        """Pull the cable, then kill -9 every process: nobody hears of it, as when a machine loses its power."""
        self._network.cut(self._space)
        self.kill()

    def kill(self) -> None:
        """Kill -9 every process of the host, and wait until none is left."""
        if self.server is None or self.server.process is None or self.server.process.poll() is not None:
            return
        first = self._first_process(self.server.process.pid)
        self.server.kill()
        for pid in first:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            eventually(partial(_is_gone, pid), STOP_WITHIN_S, f"{self.name} is dead", every_s=0.05)

    def _first_process(self, pid: int) -> list[int]:
        """Process 1 of the host, as this machine numbers it: the kernel kills all others with it."""
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]

    def _boot(self, hidden: Sequence[Path]) -> str:
        covers = [f"mount -t tmpfs -o ro none '{folder}'" for folder in hidden]
        return "\n".join([f"hostname {self.name}", "mount --bind hosts /etc/hosts", *covers, 'exec "$@"'])


def _is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()
