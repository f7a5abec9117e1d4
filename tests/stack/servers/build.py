#!/usr/bin/env python3
"""Builds the real servers that tests/stack runs, each once, from the pinned Go modules next to this file.

A server is a folder here: its go.mod names the commands as `tool` and pins, with go.sum, everything they are made of.
The Collector has a step more: its tool is the Collector's own builder, which turns builder.yaml into a program, whose
modules distribution/ pins. Alertmanager's module lacks its pages, which are added to a copy. Binaries are kept in
.cache/servers, or servers/ of the folder that TESTS_CACHE names, under a hash of the pinned files: only a
change of these files causes a rebuild.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVERS = ("pushgateway", "alertmanager", "collector", "prometheus", "tempo")
"""The quick builds first, so that a problem with the machine appears early."""
SHOWN_LINES = 20
"""The length of Go's output shown on failure; the error is at the end."""


class CannotBuild(Exception):
    """A server is missing and can't be built; the message tells the user of the tests why."""


class NoGo(CannotBuild):
    """Go is not installed or too old."""


def cache() -> Path:
    """The folder of the binaries; CI sets one that outlives a checkout."""
    return Path(os.environ.get("TESTS_CACHE") or HERE.parents[2] / ".cache").expanduser() / "servers"


def folder(server: str) -> Path:
    """The folder for the binaries of these pins on this machine, whether built or not."""
    digest = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for file in sorted((HERE / server).rglob("*")):
        if file.is_file():
            digest.update(f"\n{file.relative_to(HERE)}\n".encode() + file.read_bytes())
    return cache() / f"{server}-{digest.hexdigest()[:16]}"


def build() -> dict[str, Path]:
    """Build missing servers; return each server's folder of binaries. Raises CannotBuild."""
    folders = {server: folder(server) for server in SERVERS}
    if all(place.is_dir() for place in folders.values()):
        return folders
    cache().mkdir(parents=True, exist_ok=True)
    with _alone():
        for server, place in folders.items():
            if not place.is_dir():
                _build(server, place)
    return folders


@contextmanager
def _alone() -> Iterator[None]:
    """Lock a cache that two checkouts share: the second waits until the first has built it."""
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(server: str, place: Path) -> None:
    go = _go()
    print(f"{server}: building {_versions(server)} with Go, once ...", flush=True)
    begun = time.monotonic()
    # built next to its place and moved when complete: an interrupted build leaves no partial result
    with tempfile.TemporaryDirectory(prefix=f"{server}-", dir=cache()) as work:
        binaries = Path(work) / "bin"
        binaries.mkdir()
        where = _with_pages(go, Path(work) / "source") if server == "alertmanager" else HERE / server
        _run(server, [go, "build", "-trimpath", "-ldflags=-s -w", "-o", f"{binaries}/", "tool"], where)
        if server == "collector":
            _assemble(go, binaries, Path(work) / "source")
        binaries.rename(place)
    print(f"{server}: built in {time.monotonic() - begun:.0f} s", flush=True)


def _with_pages(go: str, source: Path) -> Path:
    """Alertmanager's pins with a copy of its module that has empty pages: without any file there Go builds nothing."""
    shutil.copytree(HERE / "alertmanager", source)
    module = "github.com/prometheus/alertmanager"
    _run("alertmanager", [go, "mod", "download", module], source)
    place = subprocess.check_output([go, "list", "-m", "-f", "{{.Dir}}", module], text=True, cwd=source).strip()
    # the module cache is read-only, and Go refuses to overlay it
    shutil.copytree(place, source / "module", copy_function=shutil.copyfile)
    app = source / "module" / "ui" / "app"
    app.chmod(0o755)
    for pages in ("elm", "mantine"):
        (app / "dist" / pages).mkdir(parents=True)
        (app / "dist" / pages / "index.html").touch()
    with (source / "go.mod").open("a", encoding="utf-8") as pins:
        pins.write(f"\nreplace {module} => ./module\n")
    return source


def _assemble(go: str, binaries: Path, source: Path) -> None:
    """Generate the source from the manifest, add the pinned modules, compile."""
    pins = HERE / "collector"
    shutil.copytree(pins / "distribution", source)
    manifest = source / "builder.yaml"
    text = (pins / "builder.yaml").read_text(encoding="utf-8")
    manifest.write_text(text.replace("dist:\n", f"dist:\n  output_path: {source}\n", 1), encoding="utf-8")
    generate = [str(binaries / "builder"), f"--config={manifest}", "--skip-compilation", "--skip-get-modules"]
    _run("collector", generate, source)
    (binaries / "builder").unlink()
    compile_ = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(binaries / "otelcol"), "."]
    _run("collector", compile_, source)


def _run(server: str, command: list[str], where: Path) -> None:
    # -mod=readonly: a build never changes pins; -buildvcs=false: a checkout without .git builds too
    environment = os.environ | {"GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    ended = subprocess.run(
        command, cwd=where, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if ended.returncode:
        tail = "\n".join(ended.stdout.splitlines()[-SHOWN_LINES:])
        raise CannotBuild(f"{server}: {' '.join(command[:2])} failed ({ended.returncode}):\n{tail}")


def _versions(server: str) -> str:
    """What is built, as the pins name it: `prometheus, promtool (v0.314.0)`."""
    text = (HERE / server / "go.mod").read_text(encoding="utf-8")
    tools = re.findall(r"^(?:tool |\t)(\S+/\S+)$", text, re.MULTILINE)
    names = ", ".join(Path(tool).name for tool in tools)
    version = next(v for m, v in re.findall(r"(\S+) (v\S+)", text) if tools[0].startswith(m))
    return f"{names} ({version})"


def _go() -> str:
    """The `go` of PATH. Raises NoGo where there is none or it is too old."""
    go = shutil.which("go")
    needed = max(_numbers(_directive(server)) for server in SERVERS)
    wanted = ".".join(map(str, needed))
    if go is None:
        raise NoGo(f"no Go was found; the servers of tests/stack are built with Go {wanted} or newer")
    found = subprocess.check_output([go, "env", "GOVERSION"], text=True, cwd=HERE).strip()
    if _numbers(found) < needed:
        raise NoGo(f"{go} is {found}; the servers of tests/stack are built with Go {wanted} or newer")
    return go


def _directive(server: str) -> str:
    [version] = re.findall(r"^go (\S+)$", (HERE / server / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    return version


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def main() -> int:
    """Build missing servers and print the folder of each."""
    try:
        for server, place in build().items():
            print(f"{server}: {place}")
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
