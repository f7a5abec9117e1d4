"""Airflow's REST API, with the calls that a user makes in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from stack.server import eventually

RUN_WITHIN_S = 240.0
"""A run of 280 texts takes some 40 s on two idle cores."""


class Api:
    """The API of one installation, logged in."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        asked = {"username": user, "password": password}
        token = self._session.post(f"{url}/auth/token", json=asked, timeout=30).json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The runs of a DAG, the oldest first; none if the DAG is not parsed yet."""
        found = [run for run in self._call("GET", "dags/~/dagRuns")["dag_runs"] if run["dag_id"] == dag_id]
        return sorted(found, key=lambda run: str(run["run_after"]))

    def trigger(self, dag_id: str, day: str | None = None, **conf: Any) -> str:
        """Start a run now, with the date of a day gone by if one is given; return its id."""
        begun = self._call("POST", f"dags/{dag_id}/dagRuns", {"logical_date": day, "conf": conf})
        return str(begun["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        """The run's state, such as running, success, failed."""
        return str(self._call("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def ended(self, dag_id: str, run_id: str, within_s: float = RUN_WITHIN_S) -> str:
        """The run's state after it has ended."""
        eventually(lambda: self.state(dag_id, run_id) in ("success", "failed"), within_s, f"{run_id} ends", every_s=1.0)
        return self.state(dag_id, run_id)

    def tasks(self, dag_id: str, run_id: str, task_id: str | None = None) -> list[dict[str, Any]]:
        """The run's task instances: state, pid, try_number, map_index."""
        found = self._call("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100")["task_instances"]
        return [task for task in found if task_id in (None, task["task_id"])]

    def log(self, dag_id: str, run_id: str, task: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The log lines of a task's latest try, each with Airflow's fields."""
        place = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        lines = self._call("GET", f"{place}?map_index={task['map_index']}&full_content=true")["content"]
        return [line for line in lines if isinstance(line, dict)]

    def xcom(self, dag_id: str, run_id: str, task: Mapping[str, Any], key: str) -> Any:
        """What a task has left under this key; None if nothing."""
        place = (
            f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/xcomEntries?map_index={task['map_index']}"
        )
        if not any(one["key"] == key for one in self._call("GET", place)["xcom_entries"]):
            return None
        return self._call("GET", place.replace("xcomEntries?", f"xcomEntries/{key}?"))["value"]

    def mark_failed(self, dag_id: str, run_id: str, task: Mapping[str, Any]) -> None:
        """Mark a task as failed, as a user does in the browser."""
        place = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/{task['map_index']}"
        self._call("PATCH", place, {"new_state": "failed"})

    def clear_failed(self, dag_id: str, run_id: str) -> None:
        """Clear the failed tasks and those downstream of them, so that they run again."""
        asked = {"dag_run_id": run_id, "dry_run": False, "only_failed": True, "reset_dag_runs": True}
        self._call("POST", f"dags/{dag_id}/clearTaskInstances", asked)

    def add_connection(self, name: str, password: str) -> None:
        """Store a secret for tasks, as a user does in the browser."""
        self._call("POST", "connections", {"connection_id": name, "conn_type": "generic", "password": password})

    def _call(self, method: str, place: str, content: Any = None) -> Any:
        headers = {"Accept": "application/json"}
        answer = self._session.request(method, f"{self._url}/api/v2/{place}", json=content, headers=headers, timeout=30)
        assert answer.ok, f"{method} {place}: {answer.status_code} {answer.text[:500]}"
        return answer.json()
