"""A real Airflow on free ports: api-server, scheduler with LocalExecutor and dag-processor, and its REST API."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from local import BIN, SERVERS, USER, environment, password
from stack.server import Server, eventually, free_port

ROOT = Path(__file__).parents[2]
MIGRATE_WITHIN_S = 180
READY_WITHIN_S = 180.0
RUN_WITHIN_S = 240.0
"""A run of 280 texts takes some 40 s on two idle cores."""


class Airflow:
    """One installation: its metadata on a Postgres of its own, its tasks' `.env` in `folder`."""

    def __init__(self, folder: Path, database: str) -> None:
        """`database` is Airflow's own, as postgresql://…"""
        self.folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = _environment(folder, database, port)
        self.api = self._server("api-server", f"{self.url}/execution/health")
        self.scheduler = self._server("scheduler", "")
        self.processor = self._server("dag-processor", "")
        self.servers = [self.api, self.scheduler, self.processor]
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self) -> None:
        """Until the parts are healthy and the DAGs are known."""
        migrated = subprocess.run(
            [BIN / "airflow", "db", "migrate"],
            env={**os.environ, **self._environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=MIGRATE_WITHIN_S,
        )
        assert migrated.returncode == 0, migrated.stderr[-2000:]
        for server in self.servers:
            server.start()
        self.api.wait()
        self._log_in()

    def stop(self) -> None:
        """Each by its own pid, the api-server last: whoever ends wants to tell it."""
        for server in (self.processor, self.scheduler, self.api):
            server.stop()

    def restart(self, **environment: str) -> None:
        """All parts, with more in their environment, which the tasks inherit."""
        self.stop()
        for server in self.servers:
            server.environment = {**server.environment, **environment}
            server.start()
        self.api.wait()

    def set_env_file(self, **settings: str) -> None:
        """What the next tasks read from `.env`."""
        lines = (f"{name}={value}\n" for name, value in settings.items())
        (self.folder / ".env").write_text("".join(lines), encoding="utf-8")

    # -- its REST API

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The runs of a DAG, the oldest first."""
        found: list[dict[str, Any]] = self._call("GET", f"dags/{dag_id}/dagRuns")["dag_runs"]
        return sorted(found, key=lambda run: str(run["run_after"]))

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Begin a run now; its id."""
        begun = self._call("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(begun["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        """Such as running, success, failed."""
        return str(self._call("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def ended(self, dag_id: str, run_id: str) -> str:
        """Its state once it has come to its end."""
        eventually(
            lambda: self.state(dag_id, run_id) in ("success", "failed"), RUN_WITHIN_S, f"{run_id} ends", every_s=1.0
        )
        return self.state(dag_id, run_id)

    def tasks(self, dag_id: str, run_id: str, task_id: str | None = None) -> list[dict[str, Any]]:
        """The run's task instances: state, pid, try_number, map_index."""
        found = self._call("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100")["task_instances"]
        return [task for task in found if task_id in (None, task["task_id"])]

    def log(self, dag_id: str, run_id: str, task: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The lines of a task's latest try, each with what Airflow keeps beside its text."""
        place = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        lines = self._call("GET", f"{place}?map_index={task['map_index']}&full_content=true")["content"]
        return [line for line in lines if isinstance(line, dict)]

    def mark_failed(self, dag_id: str, run_id: str, task: Mapping[str, Any]) -> None:
        """As a person does in the browser."""
        place = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/{task['map_index']}"
        self._call("PATCH", place, {"new_state": "failed"})

    def clear_failed(self, dag_id: str, run_id: str) -> None:
        """Run again what failed, and what comes behind it."""
        asked = {"dag_run_id": run_id, "dry_run": False, "only_failed": True, "reset_dag_runs": True}
        self._call("POST", f"dags/{dag_id}/clearTaskInstances", asked)

    def _log_in(self) -> None:
        asked = {"username": USER, "password": password(self.folder / "home")}
        token = self._session.post(f"{self.url}/auth/token", json=asked, timeout=30).json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def _call(self, method: str, place: str, content: Any = None) -> Any:
        headers = {"Accept": "application/json"}
        answer = self._session.request(method, f"{self.url}/api/v2/{place}", json=content, headers=headers, timeout=30)
        assert answer.ok, f"{method} {place}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def _server(self, name: str, ready_url: str) -> Server:
        command = [str(BIN / "airflow"), name, *SERVERS[name]]
        return Server(name, command, ready_url, self.folder / f"{name}.log", self._environment)


def _environment(folder: Path, database: str, port: int) -> dict[str, str]:
    driver = database.replace("postgresql://", "postgresql+psycopg://")
    return {
        **environment(folder / "home", port, driver),
        "PYTHONPATH": str(ROOT),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": driver,
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "2",
    }
