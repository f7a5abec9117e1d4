#!/usr/bin/env python3
"""Nights that go wrong, each on real servers of its own, and what a real Alertmanager tells of them.

Time passes 60 times faster in the rules and in Alertmanager, so that an hour is a minute. As a program it prints the
table of all nights.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import requests
from postgres import Server as Postgres
from postgres import running

from pipeline.sandbox import Sandbox

from .runs import OURS
from .server import eventually, get
from .stack import ROOT, Stack
from .webhook import Told, Webhook, listening

FASTER = 60
TOLD_WITHIN_S = 150.0
"""The longest wait of a rule is an hour, which is a minute here."""
ENDS_WITHIN_S = 120.0
TEXTS = [f"La livraison numéro {number} était vraiment rapide." for number in range(40)]
TOMORROW = (86_400.0, 165_600.0)
"""In how many seconds the next night starts, and has to be published."""


@dataclass
class Scene:
    """The servers of one night, and where its data lies."""

    stack: Stack
    folder: Path
    environment: dict[str, str]
    cleaning: ExitStack
    postgres: Postgres | None = None

    @property
    def warehouse(self) -> Path:
        return self.folder / "rows.db"

    def start(self, *due: float, texts: list[str] | None = TEXTS, **environment: str) -> subprocess.Popen[bytes]:
        """Start a night; without texts it reads the sources of the settings."""
        command = [sys.executable, "-m", "stack.night", *map(str, due or TOMORROW)]
        if texts is not None:
            file = self.folder / "reviews.jsonl"
            reviews = (json.dumps({"id": f"r{number}", "texte": text}) for number, text in enumerate(texts))
            file.write_text("\n".join(reviews) + "\n", encoding="utf-8")
            command.append(file.name)
        with (self.folder / "night.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment | environment, stdout=log, stderr=subprocess.STDOUT
            )

    def run(self, *due: float, texts: list[str] | None = TEXTS, **environment: str) -> int:
        """Run a night to its end."""
        return self.start(*due, texts=texts, **environment).wait(ENDS_WITHIN_S)

    def serve(self, server: str, **environment: str) -> None:
        """Run the exporter or the forwarder until the night is over."""
        self.cleaning.enter_context(self.stack.serving(server, **environment))

    def sandbox(self, faults: Mapping[str, float] | None = None, latency_s: float = 0.0) -> dict[str, str]:
        """The environment of processes that ask a sandbox with these faults."""
        sandbox = self.cleaning.enter_context(Sandbox(latency_s=latency_s, faults=faults or {}))
        return {"ANTHROPIC_BASE_URL": sandbox.url}


def claude_out(scene: Scene) -> None:
    assert scene.run(**scene.sandbox({"overloaded": 1.0}), VERBATIMS_RETRY_S="0") == 1


def key_refused(scene: Scene) -> None:
    refusal = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    url = scene.cleaning.enter_context(answering(401, "application/json", json.dumps(refusal)))
    assert scene.run(SCRAPER_MODE="prod", ANTHROPIC_API_KEY="wrong", ANTHROPIC_BASE_URL=url) == 1


def source_empty(scene: Scene) -> None:
    url = scene.cleaning.enter_context(answering(200, "text/html", "<html><body>Bientôt de retour</body></html>"))
    sources = f'[shop]\nkind = "schema_org"\nurls = ["{url}/avis"]\n'
    (scene.folder / "sources.toml").write_text(sources, encoding="utf-8")
    environment = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": "unused", "VERBATIMS_PRIVATE_ADDRESSES": "true"}
    assert scene.run(texts=None, **environment) == 1


def rows_refused(scene: Scene) -> None:
    good = scene.sandbox()
    assert scene.run(texts=TEXTS[:1], **good) == 0
    refuse = "SELECT RAISE(ABORT, 'refused')"
    _trigger(scene, f"BEFORE INSERT ON verbatims_analysed_v2 WHEN new.external_id IN ('r3', 'r4') BEGIN {refuse}; END")
    assert scene.run(**good) == 0


def publish_failing(scene: Scene) -> None:
    good = scene.sandbox()
    assert scene.run(texts=TEXTS[:1], **good) == 0
    vanish = "DELETE FROM verbatims_analysed_v2 WHERE verbatim_id = new.verbatim_id"
    _trigger(scene, f"AFTER INSERT ON verbatims_analysed_v2 WHEN new.rowid % 2 BEGIN {vanish}; END")
    assert scene.run(**good) == 1


def collector_away(scene: Scene) -> None:
    scene.stack.collector.kill()


def tempo_away(scene: Scene) -> None:
    scene.stack.tempo.kill()


def disk_full(scene: Scene) -> None:
    disk = scene.folder / "disk"
    left = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "ballast").write_bytes(bytes(left - 100_000))
    assert scene.run(**scene.sandbox(), VERBATIMS_STORE_PATIENCE_S="2") != 0


def postgres_away(scene: Scene) -> None:
    assert scene.postgres is not None
    scene.postgres.stop()


def budget_gone(scene: Scene) -> None:
    # a call reserves some $0.0009: the budget has to be several times that, or little of it is spent when none fits
    texts = [f"{text} Colis {parcel}." for parcel in range(8) for text in TEXTS]
    assert scene.run(texts=texts, **scene.sandbox(), VERBATIMS_MAX_TOKENS="256") == 1
    assert "the budget is used up" in (scene.folder / "night.log").read_text(encoding="utf-8")


def worker_killed(scene: Scene) -> None:
    started_ago = 4 * 3600 / FASTER - 10
    assert scene.run(-started_ago, 1000.0, texts=TEXTS[:5], **scene.sandbox()) == 0
    process = scene.start(**scene.sandbox(latency_s=5.0))
    time.sleep(6)
    process.send_signal(signal.SIGKILL)
    process.wait(ENDS_WITHIN_S)


@dataclass(frozen=True)
class Night:
    """What goes wrong, and what has to be told."""

    strike: Callable[[Scene], None]
    alert: str
    labels: Mapping[str, str]
    also: frozenset[str] = frozenset()
    """What may be told besides."""
    store: str = "sqlite:///store.db"
    """Empty: a database of Postgres."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the night and of the exporter."""

    @property
    def name(self) -> str:
        return self.strike.__name__.replace("_", " ")


NIGHTS = (
    Night(claude_out, "ClaudeFailing", {"severity": "critical"}, frozenset({"TaskFailed"})),
    Night(key_refused, "TaskFailed", {"severity": "critical", "task_id": "analyse"}, frozenset({"ClaudeFailing"})),
    Night(source_empty, "TaskFailed", {"severity": "critical", "task_id": "scrape"}),
    Night(rows_refused, "RowsMissing", {"severity": "critical"}, frozenset({"CheckWarnings"})),
    Night(publish_failing, "NotPublished", {"severity": "critical"}, frozenset({"TaskFailed", "CheckWarnings"})),
    Night(collector_away, "TargetDown", {"severity": "warning", "job": "collector"}),
    Night(tempo_away, "TargetDown", {"severity": "warning", "job": "tempo"}),
    Night(
        disk_full,
        "DiskFilling",
        {"severity": "critical"},
        frozenset({"TaskFailed", "TargetDown"}),
        "sqlite:///disk/store.db",
    ),
    Night(postgres_away, "TargetDown", {"severity": "critical", "job": "store"}, store=""),
    Night(
        budget_gone,
        "BudgetNearlyUsed",
        {"severity": "warning"},
        frozenset({"TaskFailed"}),
        settings={"VERBATIMS_BUDGET_USD_PER_DAY": "0.006"},
    ),
    Night(worker_killed, "DagLate", {"severity": "warning", "dag_id": "verbatims_daily"}),
)


@contextmanager
def scene_of(night: Night, binaries: Mapping[str, Path], folder: Path) -> Iterator[tuple[Scene, Webhook]]:
    """The servers of a night, all well: Prometheus starts last, or it would see the others start."""
    with ExitStack() as cleaning:
        webhook = cleaning.enter_context(listening())
        stack = Stack(
            binaries,
            folder / "servers",
            faster=FASTER,
            alerts={"ALERT_WEBHOOK_URL": webhook.url, "ALERT_SANDBOX": "true"},
        )
        cleaning.callback(stack.stop)
        scene = Scene(stack, folder, _environment(stack, folder, night), cleaning)
        if night.store.startswith("sqlite:///disk/"):
            cleaning.enter_context(small_disk(folder / "disk"))
        if not night.store:
            scene.postgres = cleaning.enter_context(running())
            scene.environment["STORE"] = f"{scene.postgres.url}/postgres"
        for server in stack.servers:
            if server is not stack.prometheus:
                server.start()
        scene.serve("forwarder")
        places = {name: scene.environment[name] for name in ("STORE", "WAREHOUSE")}
        scene.serve("exporter", **{name: _absolute(url, folder) for name, url in places.items()}, **night.settings)
        eventually(lambda: _answers(f"{stack.url('tempo')}/metrics"), 60, "Tempo shows its metrics")
        stack.prometheus.start()
        stack.prometheus.wait()
        yield scene, webhook


def told(night: Night, webhook: Webhook) -> Told:
    """The first notification of what has to be told."""

    def look() -> Told | None:
        firing = (one for one in webhook.told if one.name == night.alert and one.status == "firing")
        return next((one for one in firing if night.labels.items() <= one.labels.items()), None)

    found = eventually(look, TOLD_WITHIN_S, f"{night.alert} is told; so far: {sorted(webhook.firing())}")
    assert found is not None
    return found


@contextmanager
def answering(status: int, kind: str, body: str) -> Iterator[str]:
    """A server that answers every request alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class NoMount(Exception):
    """A small disk needs the right to mount one."""


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of 24 MB. Raises NoMount."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "verbatims-test", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        raise NoMount("a small disk cannot be mounted: this test needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _environment(stack: Stack, folder: Path, night: Night) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return clean | {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        "SCRAPER_MODE": "sandbox",
        "STORE": night.store,
        "WAREHOUSE": f"sqlite:///{folder / 'rows.db'}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint,
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        **night.settings,
    }


def _absolute(url: str, folder: Path) -> str:
    path = url.removeprefix("sqlite:///")
    return url if path == url or path.startswith("/") else f"sqlite:///{folder / path}"


def _answers(url: str) -> bool:
    try:
        return get(url).status_code == 200
    except requests.RequestException:
        return False


def _trigger(scene: Scene, what: str) -> None:
    with closing(sqlite3.connect(scene.warehouse)) as connection, connection:
        connection.execute(f"CREATE TRIGGER odd {what}")


def main() -> int:
    """Print the table: what went wrong, what was told, after how long, in which words."""
    from .servers.build import build

    binaries = build()
    print("| night | told | severity | after, as time passes here | words |\n|---|---|---|---|---|")
    for night in NIGHTS:
        with tempfile.TemporaryDirectory() as folder, scene_of(night, binaries, Path(folder)) as (scene, webhook):
            struck = time.monotonic()
            night.strike(scene)
            alert = told(night, webhook)
            words = f"{alert.annotations['summary']}. {alert.annotations['description']}"
            print(
                f"| {night.name} | {alert.name} | {alert.labels['severity']} | {alert.at - struck:.0f} s | {words} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
