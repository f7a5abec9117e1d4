"""A Docker engine: the running one, or our own with separate data, stopped by its own pid."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack.server import eventually
from stack.servers.build import cache

START_WITHIN_S = 90.0
STOP_WITHIN_S = 60.0
INSTALL_WITHIN_S = 600
ANSWER_WITHIN_S = 300
"""The limit of one client command; importing an image of 250 MB takes longest."""
PROGRAMS = {"dockerd": "docker.io", "docker": "docker.io", "iptables": "iptables", "debootstrap": "debootstrap"}
"""Program → the Debian package that contains it."""
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Debian's folders for root's programs, which are not in every PATH."""


class CannotStart(Exception):
    """No engine is available; the message tells the user of the tests why."""


class Engine:
    """A running engine, called through our socket if it is our own."""

    def __init__(self, host: str | None) -> None:
        self.environment = {"DOCKER_HOST": host} if host else {}

    def docker(self, *arguments: str, **options: object) -> str:
        """The output of a client command; fails with its error output."""
        ended = self.run(*arguments, **options)
        assert ended.returncode == 0, f"docker {' '.join(arguments)}\n{ended.stderr}"
        return ended.stdout

    def run(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run a command and return the result, whatever its exit code."""
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            ["docker", *arguments],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=ANSWER_WITHIN_S,
            **options,
        )

    def has(self, image: str) -> bool:
        """Whether the engine has an image with this name."""
        return self.run("image", "inspect", image).returncode == 0

    def answers(self) -> bool:
        """Whether an engine answers on the socket."""
        return shutil.which("docker") is not None and self.run("version").returncode == 0


@contextmanager
def engine(install: bool) -> Iterator[Engine]:
    """The running engine, or one started for the duration of the context. Raises CannotStart.

    `install`: whether missing Debian packages may be installed.
    """
    running = Engine(None)
    if running.answers():
        yield running
        return
    if os.geteuid() != 0:
        raise CannotStart("no Docker engine runs, and only root can start one")
    programs(install, "dockerd", "docker", "iptables")
    # a short path: a socket's path has at most 107 characters
    with tempfile.TemporaryDirectory(prefix="verbatims-engine-") as folder, _daemon(Path(folder)) as own:
        yield own


def programs(install: bool, *names: str) -> None:
    """Provide these programs; raises CannotStart if one is missing and may not or can't be installed."""
    missing = sorted({PROGRAMS[name] for name in names if shutil.which(name, path=PATH) is None})
    if not missing:
        return
    if not install or shutil.which("apt-get") is None:
        raise CannotStart(f"not installed: {', '.join(missing)} (Debian's names); REQUIRE_STACK=1 installs them")
    print(f"compose: installing {', '.join(missing)} ...", flush=True)
    _apt("update", "-qq")
    _apt("install", "-y", "-qq", "--no-install-recommends", *missing)


def _apt(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    ended = subprocess.run(
        ["apt-get", *arguments], env=environment, capture_output=True, text=True, timeout=INSTALL_WITHIN_S
    )
    if ended.returncode:
        raise CannotStart(f"apt-get {arguments[0]} failed: {ended.stderr.strip()}")


@contextmanager
def _daemon(folder: Path) -> Iterator[Engine]:
    """Images stay in the cache, so that the base and the pinned packages are fetched only once."""
    data = cache().parent / "engine"
    data.mkdir(parents=True, exist_ok=True)
    own = Engine(f"unix://{folder}/docker.sock")
    # an empty file, so that the machine's engine settings are not used
    (folder / "daemon.json").write_text("{}\n", encoding="utf-8")
    process = _start(folder, [f"--data-root={data}", f"--host={own.environment['DOCKER_HOST']}"])
    try:
        eventually(lambda: _alive(process, folder) and own.answers(), START_WITHIN_S, "the engine answers")
        yield own
    finally:
        _stop(process)


def _start(folder: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    own = [f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--config-file={folder}/daemon.json"]
    dockerd = shutil.which("dockerd", path=PATH) or "dockerd"
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [dockerd, *own, *options], env=os.environ | {"PATH": PATH}, stdout=log, stderr=subprocess.STDOUT
        )


def _alive(process: subprocess.Popen[bytes], folder: Path) -> bool:
    if process.poll() is not None:
        tail = (folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        raise CannotStart("no Docker engine runs, and none can be started here: " + " / ".join(tail))
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_WITHIN_S)
