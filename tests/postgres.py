"""A temporary Postgres server for tests and benchmarks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stack.server import free_port


class NoPostgres(Exception):
    """No Postgres server is installed; the message says how to install one."""


class Server:
    """A server with a folder of its own, which can be stopped and started again."""

    def __init__(self) -> None:
        self._binaries = _binaries()
        self._user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
        self._folder = Path(subprocess.check_output(["mktemp", "-d"], user=self._user, text=True, cwd="/").strip())
        self._port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}"
        self._call("initdb", "-D", f"{self._folder}/data", "-U", "postgres", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._control("-o", options, "-w", "-l", f"{self._folder}/log", "start")

    def stop(self) -> None:
        """At once: whoever is connected is cut off."""
        self._control("-m", "immediate", "stop")

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, *arguments: str) -> None:
        self._call("pg_ctl", "-D", f"{self._folder}/data", *arguments)

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [f"{self._binaries}/{program}", *arguments],
            user=self._user,
            check=True,
            # not a pipe: the server would keep it open as long as it runs
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )


@contextmanager
def running() -> Iterator[Server]:
    """A server that runs. Raises NoPostgres."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):  # stopped already
            server.stop()
        server.remove()


@contextmanager
def serving() -> Iterator[str]:
    """Start a server and yield its URL without a database name. Raises NoPostgres."""
    with running() as server:
        yield server.url


@contextmanager
def new_database(server: str, name: str, template: str = "template1") -> Iterator[str]:
    """An empty database, or a copy of the template, for what has this name: its URL, until it is dropped.

    Hundreds of them, 9 MB each, take ten seconds to remove at the end.
    """
    import psycopg

    new = database_name(name)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{new}"')  # type: ignore[arg-type, unused-ignore]
        connection.execute(f'CREATE DATABASE "{new}" TEMPLATE "{template}"')  # type: ignore[arg-type, unused-ignore]
    yield f"{server}/{new}"
    with suppress(psycopg.OperationalError), psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{new}" WITH (FORCE)')  # type: ignore[arg-type, unused-ignore]


def database_name(name: str) -> str:
    """The name of its database."""
    return f"t{abs(hash(name)) % 10**12}"


def _binaries() -> Path:
    found = [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    if not found and (path := shutil.which("initdb")):
        found = [Path(path).resolve().parent]
    if not found:
        raise NoPostgres("no Postgres server is installed (Debian: apt-get install postgresql)")
    return found[-1]
