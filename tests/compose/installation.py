"""The installation after a clone: a copy of the checkout, without any file of settings, on free ports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stack.server import free_port

ROOT = Path(__file__).parents[2]
OURS = (
    "VERBATIMS_",
    "OTEL_",
    "ANTHROPIC_",
    "SCRAPER_MODE",
    "STORE",
    "WAREHOUSE",
    "COMPOSE_",
    "AIRFLOW_",
    "POSTGRES_",
    "GRAFANA_",
    "MAKE",
    "MFLAGS",
)
"""Variables of the test environment that must not reach the containers, nor (of a make that runs the tests) a make."""
PORTS = (
    "AIRFLOW_PORT",
    "OTLP_PORT",
    "EXPORTER_PORT",
    "PROMETHEUS_PORT",
    "PUSHGATEWAY_PORT",
    "TEMPO_PORT",
    "GRAFANA_PORT",
)
PROJECT = "verbatims-test"
BUILD_WITHIN_S = 1200
"""A minute on an idle machine."""
UP_WITHIN_S = 400
DOWN_WITHIN_S = 180
"""Longer than the scheduler's stop_grace_period."""


def clone(folder: Path) -> Path:
    """Copy the files of the installation."""
    for name in (
        "docker-compose.yml",
        "Dockerfile",
        "Makefile",
        ".dockerignore",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ):
        shutil.copy(ROOT / name, folder / name)
    # a person's own files beside it stay out
    (folder / "config").mkdir()
    shutil.copy(ROOT / "config" / "README.md", folder / "config")
    for name in ("pipeline", "dags", "requirements", "otel", "grafana", "docker"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


class Installation:
    """Runs Compose in that copy. Every command has a timeout."""

    def __init__(self, compose: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._program = compose
        self._compose = [*compose, "--project-name", PROJECT, "--progress", "plain"]
        self.folder = folder
        self.services: Sequence[str] = ()
        """What `up` starts."""
        self.ports = {name: free_port() for name in PORTS}
        self.exported: dict[str, str] = {}
        """Variables of the shell; a test may add some."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        ports = {name: str(port) for name, port in self.ports.items()}
        self._environment = clean | ports | dict(environment or {})

    def url(self, port: str) -> str:
        """The published address of one of PORTS."""
        return f"http://127.0.0.1:{self.ports[port]}"

    def compose(self, *arguments: str, within_s: float = 60) -> str:
        """The output of a command; fails with its error output."""
        ended = self.run(*arguments, within_s=within_s)
        assert ended.returncode == 0, f"compose {' '.join(arguments)}\n{ended.stdout[-4000:]}{ended.stderr[-6000:]}"
        return ended.stdout

    def run(self, *arguments: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command and return the result, whatever its exit code."""
        return subprocess.run(
            [*self._compose, *arguments],
            cwd=self.folder,
            env=self._environment | self.exported,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
        )

    def make(self, target: str, within_s: float, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a target of the Makefile on this installation and return the result, whatever its exit code."""
        environment = self._environment | self.exported | {"COMPOSE_PROJECT_NAME": PROJECT}
        if len(self._program) == 1:
            # the Makefile says `docker compose`: a plugin, found in the folder of the client's own settings
            plugin = self.folder / "client" / "cli-plugins" / "docker-compose"
            plugin.parent.mkdir(parents=True, exist_ok=True)
            if not plugin.exists():
                plugin.symlink_to(self._program[0])
            environment["DOCKER_CONFIG"] = str(self.folder / "client")
        return subprocess.run(
            ["make", target, *(f"{name}={value}" for name, value in variables.items())],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
        )

    def config(self) -> dict[str, Any]:
        """The file as Compose parses it."""
        found: dict[str, Any] = json.loads(self.compose("config", "--format", "json"))
        return found

    def up(self, services: Sequence[str]) -> None:
        """`docker compose up --build --wait`; the build runs first, with a separate timeout."""
        built = [name for name, service in self.config()["services"].items() if "build" in service]
        self.compose("build", *(name for name in built if name in services), within_s=BUILD_WITHIN_S)
        wait = ("--wait", "--wait-timeout", str(UP_WITHIN_S - 30))
        ended = self.run("up", "--build", *wait, *services, within_s=UP_WITHIN_S)
        assert ended.returncode == 0, f"{ended.stderr[-4000:]}\n{self.state()}"

    def state(self) -> str:
        """The containers and the end of their logs, for failure messages."""
        return self.run("ps", "--all").stdout + self.run("logs", "--tail", "25").stdout[-12000:]

    def down(self) -> None:
        """Remove every container, network and volume."""
        self.run("down", "--volumes", "--remove-orphans", within_s=DOWN_WITHIN_S)
