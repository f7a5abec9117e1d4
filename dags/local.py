#!/usr/bin/env python3
"""`make airflow`: runs Airflow on one machine, with a SQLite database and local processes as tasks.

Starts four servers (api-server, scheduler, dag-processor, triggerer) as child processes, and stops them when it ends.
The mode is the sandbox, which costs nothing, unless the environment or .env sets another.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
USER = "admin"
READY_WITHIN_S = 180.0
"""Timeout of the start, which takes 20 s on an idle machine."""
ENDS_WITHIN_S = 30.0
"""Timeout of the stop: tasks wait for their calls in flight, which are paid. After it everything is killed."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP too, which a closed terminal sends: the servers have their own sessions and would not get it."""
SERVERS = {
    "api-server": ["--workers", "1"],
    "scheduler": ["--skip-serve-logs"],
    "dag-processor": [],
    "triggerer": ["--skip-serve-logs"],
}

METRICS = (
    *("^scheduler_heartbeat", "^dag_processor_heartbeat", "^triggerer_heartbeat"),
    *("^dag_processing.import_errors", "^executor."),
    *("^dagrun.duration.", "^dagrun.schedule_delay"),
    *("^scheduler.tasks.killed_externally", "^task_instances_without_heartbeats"),
)
"""What scheduler, dag-processor and triggerer count. A task's process would add series of its own, some 9 each."""


class CannotStart(Exception):
    """Airflow cannot start. The message is one line: what is wrong, and what to try."""


def environment(home: Path, port: int, database: str | None = None) -> dict[str, str]:
    """Airflow's environment variables.

    `home` holds all its files; `database` is a SQLAlchemy URL, by default a SQLite file in `home`. The password of the
    single user is generated once and kept in passwords.json.
    """
    home.mkdir(parents=True, exist_ok=True)
    database = database or f"sqlite:///{home / 'airflow.db'}"
    url = f"http://127.0.0.1:{port}"
    return {
        "PATH": f"{BIN}:{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(CHECKOUT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords(home)),
        # tasks call this URL: its default has port 8080, with which every task would fail before it starts
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(home / "jwt-secret"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        # tasks do not get the former; the housekeeping deletes old records there
        "AIRFLOW_DATABASE_TO_TRIM": database,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # the defaults wait for seconds between the many short tasks of a run
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    }


def metrics(endpoint: str) -> dict[str, str]:
    """Airflow's environment variables for its own metrics, as in docker-compose.yml; `endpoint` is the Collector's."""
    return {
        # not the variable of all signals, nor that of the interval: the pipeline reads both
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{endpoint.rstrip('/')}/v1/metrics",
        "AIRFLOW__METRICS__OTEL_ON": "True",
        "AIRFLOW__METRICS__OTEL_INTERVAL_MILLISECONDS": "15000",
        "AIRFLOW__METRICS__LEGACY_NAMES_ON": "False",
        "AIRFLOW__METRICS__METRICS_ALLOW_LIST": ", ".join(METRICS),
    }


def password(home: Path) -> str:
    """The password of the user."""
    return str(json.loads(_passwords(home).read_text(encoding="utf-8"))[USER])


def main() -> int:
    """Start all servers, print their address, and wait for a signal."""
    home = CHECKOUT / "var" / "airflow"
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN or number is not signal.SIGHUP:  # nohup make airflow
            signal.signal(number, _end)
    try:
        port = _port(os.environ.get("PORT") or "8080")
        settings = {**os.environ, **environment(home, port)}
        if collector := os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            settings |= metrics(collector)
        print("airflow: preparing its database and starting (half a minute) ...", flush=True)
        _migrate(settings, home)
        with _running(settings, home, port) as servers:
            _until(lambda: _healthy(port), servers, home)
            print(f"airflow: http://127.0.0.1:{port}   user {USER}, password {password(home)}")
            print("airflow: both DAGs run by themselves, with the sandbox unless .env says otherwise; Ctrl-C ends it")
            print(f"airflow: logs in {home / 'logs'}", flush=True)
            while True:
                _refuse_ended(servers, home)
                time.sleep(1)
    except KeyboardInterrupt:
        print("airflow: ended", flush=True)
        return 0
    except CannotStart as error:
        print(f"airflow: {error}", file=sys.stderr)
        return 1


def _end(_number: int, _frame: object) -> None:
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Ignore further signals during the stop: `make` forwards a SIGTERM that was already received, and users repeat
    Ctrl-C."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise CannotStart(f"PORT: {text!r} is no port from 1 to 65535")
    _refuse_taken(int(text))
    return int(text)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStart(f"port {port}: {error.strerror}; try PORT={port + 1} make airflow") from None


def _migrate(settings: Mapping[str, str], home: Path) -> None:
    log = _log(home, "migrate")
    with log.open("wb") as out:
        code = subprocess.call([BIN / "airflow", "db", "migrate"], env=settings, cwd=CHECKOUT, stdout=out, stderr=out)
    if code:
        raise CannotStart(f"its database could not be prepared: see {log}; removing {home} starts afresh")


@contextmanager
def _running(settings: Mapping[str, str], home: Path, port: int) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start the servers one after the other, and stop them at the end."""
    # the api-server first: a task that cannot reach it fails and is retried after five minutes; its first response
    # takes as long as a task's timeout, so it is requested before any task needs it
    servers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in SERVERS:
            servers[name] = _start(name, settings, home)
            _until(lambda: _get(port, "execution/health") is not None, servers, home)
        yield servers
    finally:
        _stop(servers)


def _start(name: str, settings: Mapping[str, str], home: Path) -> subprocess.Popen[bytes]:
    """Start one server."""
    # in its own session: Ctrl-C reaches this program only, and the session id finds all processes that it starts
    with _log(home, name).open("ab") as out:
        return subprocess.Popen(
            [BIN / "airflow", name, *SERVERS[name]],
            env=settings,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def _stop(servers: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Stop all servers, the api-server last: tasks report their end to it."""
    _ignore_signals()
    deadline = time.monotonic() + ENDS_WITHIN_S
    for name in ("scheduler", "triggerer", "dag-processor", "api-server"):
        if server := servers.get(name):
            server.terminate()
            _stop_tasks(server, deadline)
            with suppress(subprocess.TimeoutExpired):
                server.wait(max(deadline - time.monotonic(), 1))
            _kill_rest(server)


def _stop_tasks(server: subprocess.Popen[bytes], deadline: float) -> None:
    """Send SIGTERM to the tasks: the scheduler waits for their end, but does not stop them."""
    # once each: a second signal makes a task give up its calls in flight, which are paid
    signalled = {server.pid}
    while server.poll() is None and time.monotonic() < deadline:
        for pid in _session(server):
            with suppress(ProcessLookupError):
                if pid not in signalled and os.getpgid(pid) == pid:  # Airflow gives each task a group of its own
                    signalled.add(pid)
                    os.kill(pid, signal.SIGTERM)
        time.sleep(0.2)


def _kill_rest(server: subprocess.Popen[bytes]) -> None:
    """Kill the server and its tasks if they are still running."""
    for pid in _session(server):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.wait()


def _session(server: subprocess.Popen[bytes]) -> list[int]:
    """All processes of the server's session, also those whose parent has ended."""
    import psutil  # comes with Airflow, without which nothing here is started

    found = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == server.pid:
                found.append(pid)
    return found


def _until(ready: Callable[[], bool], servers: Mapping[str, subprocess.Popen[bytes]], home: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not ready():
        _refuse_ended(servers, home)
        if time.monotonic() > deadline:
            raise CannotStart(f"not ready within {READY_WITHIN_S:.0f} s: see {home / 'logs'}")
        time.sleep(0.5)


def _healthy(port: int) -> bool:
    """Whether all parts of Airflow are healthy."""
    # the status is 200 even if a part is not: only the body tells
    parts = _get(port, "api/v2/monitor/health")
    names = ("metadatabase", "scheduler", "dag_processor", "triggerer")
    return parts is not None and all(parts[name]["status"] == "healthy" for name in names)


def _get(port: int, path: str) -> Any:
    """The JSON at a path; None without a response."""
    # no proxy of the environment: the address is this machine's
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/{path}", timeout=30) as answer:
            return json.load(answer)
    except OSError:
        return None


def _refuse_ended(servers: Mapping[str, subprocess.Popen[bytes]], home: Path) -> None:
    for name, server in servers.items():
        if server.poll() is not None:
            raise CannotStart(f"{name} ended by itself ({server.returncode}): see {_log(home, name)}")


def _log(home: Path, name: str) -> Path:
    (home / "logs").mkdir(parents=True, exist_ok=True)
    return home / "logs" / f"{name}.log"


def _passwords(home: Path) -> Path:
    file = home / "passwords.json"
    if not file.is_file():
        _write(file, json.dumps({USER: secrets.token_urlsafe(12)}))
    return file


def _secret(file: Path) -> str:
    """A secret that is generated once, so that tokens stay valid after a restart."""
    if not file.is_file():
        _write(file, secrets.token_urlsafe(64))
    return file.read_text(encoding="utf-8")


def _write(file: Path, text: str) -> None:
    # created with its final mode: after a later chmod another user could have opened it
    with open(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    sys.exit(main())
