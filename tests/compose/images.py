"""Stand-ins, with separate names, for the images that can't be pulled here.

Each server is the program that tests/stack builds, in an image with only what the real one has too:
busybox beside Prometheus and the Pushgateway. The project's own image is built for real, from its Dockerfile, on a base
that `debootstrap` makes. An image that the environment names, such as PROMETHEUS_IMAGE, is used instead.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from stack.servers.build import cache

from .engine import ANSWER_WITHIN_S, PATH, CannotStart, Engine, programs

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""The machine's CA bundle, which pip uses during a build."""
PACKAGES = ("python3", "python3-venv", "ca-certificates", "busybox-static")
BASE_WITHIN_S = 1200
"""A build takes 45 s on an idle machine, three minutes on a busy one."""
BUSYBOX = ("sh", "wget", "sed", "cat", "dirname")
BUILT = {"POSTGRES_IMAGE": "postgres", "AIRFLOW_IMAGE": "airflow"}
"""Stand-ins with a separate Dockerfile: variable → its name."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class StandIn:
    """One server's image: its content and its start command."""

    variable: str
    """The variable of docker-compose.yml that selects another image."""
    server: str
    """Its folder in tests/stack/servers."""
    programs: Mapping[str, str]
    """Place in the image → name of the program."""
    start: str
    busybox: bool = False
    owned: Mapping[str, int] = field(default_factory=dict)
    """Folder in the image → its owner, which a new volume inherits."""
    scripts: Mapping[str, str] = field(default_factory=dict)


ASKS_ITSELF = """#!/bin/sh
# 3.0 has this flag, 2.8 has not.
[ "$1" != -health ] || exec wget -q -O /dev/null "${2#-health.url=}"
exec /tempo-2.8 "$@"
"""

STAND_INS = (
    StandIn("COLLECTOR_IMAGE", "collector", {"/otelcol-contrib": "otelcol"}, "/otelcol-contrib"),
    StandIn(
        "PROMETHEUS_IMAGE",
        "prometheus",
        {"/bin/prometheus": "prometheus", "/bin/promtool": "promtool"},
        "/bin/prometheus",
        busybox=True,
        owned={"/prometheus": 65534},
    ),
    StandIn(
        "PUSHGATEWAY_IMAGE",
        "pushgateway",
        {"/bin/pushgateway": "pushgateway"},
        "/bin/pushgateway",
        busybox=True,
        owned={"/pushgateway": 65534},
    ),
    StandIn(
        "ALERTMANAGER_IMAGE",
        "alertmanager",
        {"/bin/alertmanager": "alertmanager", "/bin/amtool": "amtool"},
        "/bin/alertmanager",
        busybox=True,
        owned={"/alertmanager": 65534},
    ),
    StandIn(
        "TEMPO_IMAGE",
        "tempo",
        {"/tempo-2.8": "tempo"},
        "/tempo",
        busybox=True,
        owned={"/var/tempo": 10001},
        scripts={"/tempo": ASKS_ITSELF},
    ),
)


def images(engine: Engine, binaries: Mapping[str, Path], install: bool) -> dict[str, str]:
    """Variable → image, for all services of docker-compose.yml except Grafana; missing images are built.

    Raises CannotStart if the base is missing and can't be built.
    """
    given = {name: value for name, value in os.environ.items() if name.endswith("_IMAGE") and value}
    wanted = {"PYTHON_IMAGE", *BUILT, *(stand_in.variable for stand_in in STAND_INS)}
    if wanted <= given.keys():
        return given
    base = _base(install)
    python = _python(engine, base)
    built = {variable: _built(engine, name, python) for variable, name in BUILT.items()}
    made = built | {
        stand_in.variable: _server(engine, stand_in, binaries[stand_in.server], base) for stand_in in STAND_INS
    }
    return made | {"PYTHON_IMAGE": python} | given


def _base(install: bool) -> Path:
    """The folder of a minimal Debian with Python, created once."""
    digest = hashlib.sha256(" ".join(PACKAGES).encode() + CERTIFICATES.read_bytes()).hexdigest()[:16]
    place = cache().parent / f"debian-{digest}"
    if not place.is_dir():
        programs(install, "debootstrap")
        print("compose: making a base image with debootstrap, once ...", flush=True)
        _debootstrap(place)
    return place


def _debootstrap(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="debian-", dir=place.parent, ignore_cleanup_errors=True) as work:
        made = Path(work) / "root"
        command = [
            shutil.which("debootstrap", path=PATH) or "debootstrap",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            "bookworm",
            str(made),
        ]
        ended = subprocess.run(
            command, env=os.environ | {"PATH": PATH}, capture_output=True, text=True, timeout=BASE_WITHIN_S
        )
        if ended.returncode:
            raise CannotStart("debootstrap failed: " + " / ".join(ended.stdout.splitlines()[-3:]))
        shutil.copyfile(CERTIFICATES, made / CERTIFICATES.relative_to("/"))
        made.rename(place)


def _python(engine: Engine, base: Path) -> str:
    name = f"verbatims-test/python:{base.name}"
    if not engine.has(name):
        pack = ["tar", "-C", str(base), "--exclude=./var/cache/apt/*", "-c", "."]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
            engine.docker("import", "--change", f"ENV PIP_CERT={CERTIFICATES}", "-", name, stdin=packed.stdout)
    return name


def _built(engine: Engine, name: str, python: str) -> str:
    """Build from the Dockerfile next to this module, on the same base."""
    text = (HERE / f"{name}.Dockerfile").read_text(encoding="utf-8")
    image = f"verbatims-test/{name}:{hashlib.sha256(f'{python} {text}'.encode()).hexdigest()[:16]}"
    if not engine.has(image):
        print(f"compose: making a stand-in for {name}, once ...", flush=True)
        engine.docker("build", "--build-arg", f"BASE={python}", "--tag", image, "-", input=text)
    return image


def _server(engine: Engine, stand_in: StandIn, binaries: Path, base: Path) -> str:
    digest = hashlib.sha256(f"{stand_in} {binaries.name} {BUSYBOX} 2".encode()).hexdigest()[:16]
    name = f"verbatims-test/{stand_in.server}:{digest}"
    if not engine.has(name):
        reader, writer = os.pipe()
        packing = threading.Thread(target=_pack, args=(os.fdopen(writer, "wb"), stand_in, binaries, base))
        packing.start()
        with os.fdopen(reader, "rb") as packed:
            start = json.dumps([stand_in.start])
            engine.docker("import", "--change", f"ENTRYPOINT {start}", "-", name, stdin=packed)
        packing.join(ANSWER_WITHIN_S)
    return name


def _pack(into: IO[bytes], stand_in: StandIn, binaries: Path, base: Path) -> None:
    with into, tarfile.open(fileobj=into, mode="w|") as archive:
        # a tmpfs takes the mode of the folder that it covers
        _add(archive, "/tmp", kind=tarfile.DIRTYPE, mode=0o1777)
        for folder, owner in stand_in.owned.items():
            _add(archive, folder, kind=tarfile.DIRTYPE, owner=owner)
        for place, program in stand_in.programs.items():
            _add(archive, place, (binaries / program).read_bytes())
        for place, text in stand_in.scripts.items():
            _add(archive, place, text.encode())
        if stand_in.busybox:
            _add(archive, "/bin/busybox", (base / "bin" / "busybox").read_bytes())
            for link in BUSYBOX:
                _add(archive, f"/bin/{link}", kind=tarfile.SYMTYPE, to="busybox")


def _add(
    archive: tarfile.TarFile,
    place: str,
    content: bytes = b"",
    kind: bytes = tarfile.REGTYPE,
    owner: int = 0,
    to: str = "",
    mode: int = 0o755,
) -> None:
    entry = tarfile.TarInfo(place.lstrip("/"))
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(content), to
    entry.uid = entry.gid = owner
    archive.addfile(entry, io.BytesIO(content))


def names(given: Mapping[str, str], services: Sequence[str]) -> list[str]:
    """The services that can be started: Grafana only if the environment names its image."""
    return [service for service in services if service != "grafana" or "GRAFANA_IMAGE" in given]
