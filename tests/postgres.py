"""A temporary Postgres server for tests and benchmarks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.server import free_port


class NoPostgres(Exception):
    """No Postgres server is installed; the message says how to install one."""


@contextmanager
def serving() -> Iterator[str]:
    """Start a server and yield its URL without a database name. Raises NoPostgres."""
    server = _binaries()
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    folder = Path(subprocess.check_output(["mktemp", "-d"], user=user, text=True, cwd="/").strip())
    port = free_port()

    def call(*command: str) -> None:
        subprocess.run(command, user=user, check=True, capture_output=True, cwd=folder)

    call(f"{server}/initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    # its output goes to a file: a pipe would stay open as long as the server runs
    subprocess.run(
        [f"{server}/pg_ctl", "-D", f"{folder}/data", "-o", options, "-w", "-l", f"{folder}/log", "start"],
        user=user,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        call(f"{server}/pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    if not found and (path := shutil.which("initdb")):
        found = [Path(path).resolve().parent]
    if not found:
        raise NoPostgres("no Postgres server is installed (Debian: apt-get install postgresql)")
    return found[-1]
