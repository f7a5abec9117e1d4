"""A Redis server for tests: on a free port of loopback, with a password, in memory alone."""

from __future__ import annotations

import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.server import READY_WITHIN_S, Server, eventually, free_port


class NoRedis(Exception):
    """No Redis server is installed; the message says how to install one."""


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, str]]:
    """Start a server; yields its port and password, until it is stopped by its pid. Raises NoRedis."""
    program = shutil.which("redis-server")
    if program is None:
        raise NoRedis("no Redis server is installed (Debian: apt-get install redis-server)")
    port, password = free_port(), secrets.token_hex(16)
    settings = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\n'
    (folder / "redis.conf").write_text(settings, encoding="utf-8")  # a password is no argument: anybody sees those
    server = Server("redis", [program, str(folder / "redis.conf")], "", folder / "redis.log")
    server.start()
    try:
        eventually(lambda: _listens(port), READY_WITHIN_S, f"Redis listens\n{server.tail()}", every_s=0.05)
        yield port, password
    finally:
        server.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
