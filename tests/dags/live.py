"""A real Airflow on free ports: api-server, scheduler with LocalExecutor, dag-processor and triggerer."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local import BIN, SERVERS, USER, environment, password
from stack.server import Server, free_port

from .api import Api

ROOT = Path(__file__).parents[2]
MIGRATE_WITHIN_S = 180


class Airflow:
    """One installation: its metadata on a Postgres of its own, its tasks' `.env` in `folder`."""

    def __init__(self, folder: Path, database: str) -> None:
        """`database` is Airflow's own, as postgresql://…"""
        self.folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environment = _environment(folder, database, port)
        self.server = self._server("api-server", f"{self.url}/execution/health")
        self.scheduler = self._server("scheduler", "")
        self.processor = self._server("dag-processor", "")
        self.triggerer = self._server("triggerer", "")
        self.servers = [self.server, self.scheduler, self.processor, self.triggerer]

    def start(self, **environment: str) -> None:
        """Create the database, start all parts with additional environment variables, log in."""
        migrated = subprocess.run(
            [BIN / "airflow", "db", "migrate"],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=MIGRATE_WITHIN_S,
        )
        assert migrated.returncode == 0, migrated.stderr[-2000:]
        self._start(environment)
        self.api = Api(self.url, USER, password(self.folder / "home"))

    def stop(self) -> None:
        """Stop each part by its own pid, the api-server last: the others report their end to it."""
        for server in (self.triggerer, self.processor, self.scheduler, self.server):
            server.stop()

    def restart(self, **environment: str) -> None:
        """Restart all parts with additional environment variables, which the tasks inherit."""
        self.stop()
        self._start(environment)

    def _start(self, environment: Mapping[str, str]) -> None:
        """Start the api-server first: a task that can't reach it fails before it starts."""
        for server in self.servers:
            server.environment = {**server.environment, **environment}
        self.server.start()
        self.server.wait()
        self.scheduler.start()
        self.processor.start()
        self.triggerer.start()

    def set_env_file(self, **settings: str) -> None:
        """Write the `.env` that the next tasks read."""
        lines = (f"{name}={value}\n" for name, value in settings.items())
        (self.folder / ".env").write_text("".join(lines), encoding="utf-8")

    def _server(self, name: str, ready_url: str) -> Server:
        command = [str(BIN / "airflow"), name, *SERVERS[name]]
        return Server(name, command, ready_url, self.folder / f"{name}.log", self.environment)


def _environment(folder: Path, database: str, port: int) -> dict[str, str]:
    driver = database.replace("postgresql://", "postgresql+psycopg://")
    return {
        **environment(folder / "home", port, driver),
        "PYTHONPATH": str(ROOT),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": driver,
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "2",
    }
