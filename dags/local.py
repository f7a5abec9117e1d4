#!/usr/bin/env python3
"""`make airflow`: Airflow for one person on one machine. Its metadata is a SQLite file, its tasks are processes here.

Three servers (api-server, scheduler, dag-processor) are this program's children, and end with it. In sandbox mode,
unless the environment or .env says otherwise, nothing costs anything.
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
"""20 s on an idle machine."""
ENDS_WITHIN_S = 30.0
"""A task that is told to end waits for the calls in flight, which are paid; then everything is killed."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP: the terminal is gone, and the servers, in sessions of their own, would stay."""
SERVERS = {"api-server": ["--workers", "1"], "scheduler": ["--skip-serve-logs"], "dag-processor": []}


class CannotStart(Exception):
    """One line: what is wrong, and what to try."""


def environment(home: Path, port: int, database: str | None = None) -> dict[str, str]:
    """How Airflow is set up here. `home` keeps all it writes; `database` is a SQLAlchemy URL, SQLite in `home` if None.

    The password of the one user stands in passwords.json, made once.
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
        # a task asks this address: with another port than 8080 every task would fail before it starts
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(home / "jwt-secret"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # both wait for seconds otherwise, and a run is made of many small steps
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    }


def password(home: Path) -> str:
    """The user's."""
    return str(json.loads(_passwords(home).read_text(encoding="utf-8"))[USER])


def main() -> int:
    """Start everything, say where it is, wait to be ended."""
    home = CHECKOUT / "var" / "airflow"
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN or number is not signal.SIGHUP:  # nohup make airflow
            signal.signal(number, _end)
    try:
        port = _port(os.environ.get("PORT") or "8080")
        settings = {**os.environ, **environment(home, port)}
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
    _ignore()
    raise KeyboardInterrupt


def _ignore() -> None:
    """What ends now comes to its end: `make` passes on a SIGTERM that its group has heard, and people press twice."""
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
    """The api-server first: a task that finds nobody there fails before it starts, and waits five minutes.

    Its first answer takes it some seconds, as long as a task's patience, so one is asked for before anything needs it.
    """
    servers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in SERVERS:
            servers[name] = _start(name, settings, home)
            _until(lambda: _get(port, "execution/health") is not None, servers, home)
        yield servers
    finally:
        _stop(servers)


def _start(name: str, settings: Mapping[str, str], home: Path) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches this program first and all that the server started is known."""
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
    """The api-server last: whoever ends wants to tell it."""
    _ignore()
    deadline = time.monotonic() + ENDS_WITHIN_S
    for name in ("scheduler", "dag-processor", "api-server"):
        if server := servers.get(name):
            server.terminate()
            _tell_tasks(server, deadline)
            with suppress(subprocess.TimeoutExpired):
                server.wait(max(deadline - time.monotonic(), 1))
            _kill_rest(server)


def _tell_tasks(server: subprocess.Popen[bytes], deadline: float) -> None:
    """The scheduler waits for its tasks but doesn't tell them; a task told twice gives up calls that are paid."""
    told = {server.pid}
    while server.poll() is None and time.monotonic() < deadline:
        for pid in _session(server):
            with suppress(ProcessLookupError):
                if pid not in told and os.getpgid(pid) == pid:  # Airflow gives each task a group of its own
                    told.add(pid)
                    os.kill(pid, signal.SIGTERM)
        time.sleep(0.2)


def _kill_rest(server: subprocess.Popen[bytes]) -> None:
    """What it left behind, it and its tasks."""
    for pid in _session(server):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.wait()


def _session(server: subprocess.Popen[bytes]) -> list[int]:
    """All processes that it started, and those that they did, whether their parent lives or not."""
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
    """Its answer is 200 even where a part is not well: what counts stands in it."""
    parts = _get(port, "api/v2/monitor/health")
    names = ("metadatabase", "scheduler", "dag_processor")
    return parts is not None and all(parts[name]["status"] == "healthy" for name in names)


def _get(port: int, path: str) -> Any:
    """The JSON there, or None where nobody answers yet."""
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
    """Made once: a token that was given out stays valid over a restart."""
    if not file.is_file():
        _write(file, secrets.token_urlsafe(64))
    return file.read_text(encoding="utf-8")


def _write(file: Path, text: str) -> None:
    with open(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    sys.exit(main())
