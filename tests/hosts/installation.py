"""Airflow with the CeleryExecutor: its servers on this machine, its workers on two hosts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from dags.live import Airflow
from dags.night import RunEnvironment
from stack.server import READY_WITHIN_S, eventually

from .host import Host
from .network import Network

TASKS = 2
"""At once on each host: the four workers of a night are shared by both."""

FILES = "files"
"""The queue of the host that keeps the warehouse."""

SILENT_S = 15
"""How long a task may be silent before it counts as lost. Airflow's default is 300 s."""

PRIVATE = (
    *("AIRFLOW__DATABASE__", "AIRFLOW_DATABASE_TO_TRIM"),
    *("AIRFLOW__API_AUTH__", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_"),
)
"""What no worker is told: Airflow's database, what signs its tokens, and the passwords of its users."""


class Installation:
    """Hosts `one`, which keeps the warehouse, and `two`."""

    def __init__(self, folder: Path, airflow: Airflow, network: Network, redis: tuple[int, str]) -> None:
        self.airflow, self._network, self._redis = airflow, network, redis
        self._secret_key = secrets.token_hex(32)
        self.one = Host(network, "one", folder / "one", ["default", FILES], TASKS)
        self.two = Host(network, "two", folder / "two", ["default"], TASKS)
        self.hosts = (self.one, self.two)

    def start(self) -> None:
        """Start Airflow and both workers, which all have the same settings of Celery."""
        celery = self._celery()
        self.airflow.start(**celery)
        for host in self.hosts:
            hidden = [self.airflow.folder, *(other.folder for other in self.hosts if other is not host)]
            host.start(self._environment(celery), hidden)
        eventually(lambda: all(host.is_ready() for host in self.hosts), READY_WITHIN_S, "both workers take tasks")

    def stop(self) -> None:
        """Kill the workers, then stop Airflow's own servers."""
        for host in self.hosts:
            host.kill()
        self.airflow.stop()

    def use(self, environment: RunEnvironment, **settings: str) -> None:
        """Let the next tasks on both hosts work with this store and this sandbox; the warehouse is a file of each."""
        for host in self.hosts:
            host.set_env_file(
                **{name: self.reached(value) for name, value in (environment.settings | settings).items()}
            )

    def reached(self, address: str) -> str:
        """An address of loopback as the hosts reach it."""
        return address.replace("127.0.0.1", self._network.address)

    def _celery(self) -> dict[str, str]:
        port, password = self._redis
        broker = f"redis://:{password}@{self._network.address}:{port}"
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": f"{broker}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"{broker}/1",
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(SILENT_S),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "airflow.utils.net.get_host_ip_address",
            # the same everywhere: with it the API asks a worker for a task's log
            "AIRFLOW__API__SECRET_KEY": self._secret_key,
            "AIRFLOW_FILES_QUEUE": FILES,
        }

    def _environment(self, celery: Mapping[str, str]) -> dict[str, str]:
        """What a worker is told: the same as the scheduler, at addresses that it reaches."""
        given = {**self.airflow.environment, **celery}
        return {name: self.reached(value) for name, value in given.items() if not name.startswith(PRIVATE)}
