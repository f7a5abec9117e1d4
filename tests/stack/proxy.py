"""A proxy on loopback that duplicates requests, as retries after lost responses do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

HOPS = ("host", "connection", "content-length", "accept-encoding")
"""Hop-by-hop headers, which are not forwarded."""


@contextmanager
def repeating(target: str) -> Iterator[str]:
    """Forwards each POST twice, then the previous one again; yields the proxy's address.

    While the target is down the proxy closes the connection, as the target would.
    """
    before: dict[str, tuple[bytes, dict[str, str]]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOPS}
            late, before[self.path] = before.get(self.path), (body, headers)
            try:
                _post(target + self.path, body, headers)
                status = _post(target + self.path, body, headers)
                if late is not None:
                    _post(target + self.path, *late)
            except requests.RequestException:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, body, headers=headers, timeout=2).status_code
