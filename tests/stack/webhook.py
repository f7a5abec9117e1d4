"""A receiver of Alertmanager's webhook that remembers what it was told, and when."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Told:
    """One alert of a notification."""

    name: str
    status: str
    """firing or resolved."""
    labels: dict[str, str]
    annotations: dict[str, str]
    at: float
    """Of the monotonic clock."""


@dataclass
class Webhook:
    """What has arrived so far."""

    url: str = ""
    told: list[Told] = field(default_factory=list)

    def firing(self) -> set[str]:
        """Names of the alerts that were told as firing."""
        return {one.name for one in self.told if one.status == "firing"}

    def first(self, name: str) -> Told | None:
        """The first notification of an alert."""
        return next((one for one in self.told if one.name == name and one.status == "firing"), None)

    def take(self, notification: dict[str, Any]) -> None:
        """Remember each alert of a notification."""
        for alert in notification["alerts"]:
            labels = dict(alert["labels"])
            name = labels.pop("alertname")
            self.told.append(Told(name, alert["status"], labels, alert["annotations"], time.monotonic()))


@contextmanager
def listening() -> Iterator[Webhook]:
    """A webhook on a free port."""
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            webhook.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        webhook.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield webhook
        server.shutdown()
        thread.join()
