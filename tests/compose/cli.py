"""The Compose command line: the installed one, or one built once with Go from the pins in plugin/."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from stack.servers.build import CannotBuild, cache

PINS = Path(__file__).parent / "plugin"
OLDEST = (2, 24)
"""The first minor version after 2.23.1, in which a config may stand in the file itself."""
BUILD_WITHIN_S = 1800
"""A build takes 80 s on an idle machine, five minutes while the servers are built too."""


def command(build: bool) -> list[str]:
    """The command that runs Compose; raises CannotBuild if there is none and `build` is false."""
    if (found := _installed()) is not None:
        return found
    program = _place() / "docker-compose"
    if not program.is_file() and not build:
        raise CannotBuild("there is no Docker Compose 2.24 or newer; REQUIRE_STACK=1 builds one with Go")
    cache().parent.mkdir(parents=True, exist_ok=True)
    # tests run in several processes: the second waits until the first has built it
    with (cache().parent / "compose.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.is_file():
            _build(program)
    return [str(program)]


def _installed() -> list[str] | None:
    try:
        said = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = tuple(int(number) for number in re.findall(r"\d+", said.stdout)[:2])
    return ["docker", "compose"] if said.returncode == 0 and version >= OLDEST else None


def _place() -> Path:
    pins = b"".join((PINS / name).read_bytes() for name in ("go.mod", "go.sum"))
    return cache().parent / f"compose-{hashlib.sha256(pins).hexdigest()[:16]}"


def _build(program: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise CannotBuild("there is neither Docker Compose 2.24 or newer nor Go to build it with")
    print("compose: building Docker Compose with Go, once ...", flush=True)
    begun = time.monotonic()
    # moved into place when complete: an interrupted build leaves no partial result
    with tempfile.TemporaryDirectory(prefix="compose-", dir=program.parent.parent) as work:
        made = Path(work) / "bin" / program.name
        _go(go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), "github.com/docker/compose/v2/cmd")
        made.parent.rename(program.parent)
    print(f"compose: built in {time.monotonic() - begun:.0f} s", flush=True)


def _go(*arguments: str) -> None:
    environment = os.environ | {"GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    ended = subprocess.run(arguments, cwd=PINS, env=environment, capture_output=True, text=True, timeout=BUILD_WITHIN_S)
    if ended.returncode:
        raise CannotBuild("compose: go build failed:\n" + "\n".join(ended.stderr.splitlines()[-20:]))


if __name__ == "__main__":
    # `python -m compose.cli` in tests/ builds it in advance if it is missing
    print("compose:", *command(build=True))
