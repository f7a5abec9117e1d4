"""Starting, finding and stopping a sandbox."""

from __future__ import annotations

import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests
from pytest_httpserver import HTTPServer as Stranger

from pipeline.errors import SettingsError
from pipeline.sandbox import Sandbox, identify
from pipeline.sandbox.corpus import verbatims


def test_a_running_sandbox_is_identified_and_a_stopped_one_is_not() -> None:
    with Sandbox() as sandbox:
        assert identify(sandbox.url)
        assert identify(f"{sandbox.url}/")
        said = requests.get(f"{sandbox.url}/sandbox", timeout=5).json()
        assert (said["sandbox"], said["verbatims"]) == ("verbatims", len(verbatims()))
    assert not identify(sandbox.url)


@pytest.mark.parametrize(
    ("body", "status", "headers"),
    [
        ('{"sandbox": "verbatims"}', 200, {}),
        ('{"sandbox": "other"}', 200, {"x-verbatims-sandbox": "true"}),
        ("[]", 200, {"x-verbatims-sandbox": "true"}),
        ("<html>", 200, {"x-verbatims-sandbox": "true"}),
        ('{"sandbox": "verbatims"}', 500, {"x-verbatims-sandbox": "true"}),
    ],
)
def test_another_server_is_not_identified_as_a_sandbox(
    httpserver: Stranger, body: str, status: int, headers: dict[str, str]
) -> None:
    httpserver.expect_request("/sandbox").respond_with_data(body, status=status, headers=headers)
    assert not identify(httpserver.url_for("/"))


def test_a_redirect_to_a_sandbox_is_not_identified_as_a_sandbox(httpserver: Stranger, sandbox: Sandbox) -> None:
    headers = {"Location": f"{sandbox.url}/sandbox", "x-verbatims-sandbox": "true"}
    httpserver.expect_request("/sandbox").respond_with_data("", status=302, headers=headers)
    assert not identify(httpserver.url_for("/"))


@pytest.mark.parametrize("url", ["", "nonsense", "http://", "ftp://127.0.0.1", "http://[::1", "http://127.0.0.1:1"])
def test_an_invalid_address_is_not_identified_as_a_sandbox(url: str) -> None:
    assert not identify(url)


def test_identifying_sends_no_credentials_and_uses_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            received.append(dict(self.headers))
            self.send_error(404)

        def log_message(self, *args: object) -> None: ...

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.handle_request, daemon=True).start()
        assert not identify(f"http://user:secret@127.0.0.1:{server.server_port}")
    assert len(received) == 1
    assert not {"authorization", "cookie", "x-api-key"} & {name.lower() for name in received[0]}


def test_a_port_in_use_is_a_settings_error_that_names_it(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(SettingsError, match=rf"port {port} .*--port"):
        Sandbox(port=port).start()


def test_a_bill_that_cannot_be_written_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--billed"):
        Sandbox(billed=tmp_path / "absent" / "billed.jsonl").start()


def test_a_sandbox_can_be_started_again_and_stopped_twice() -> None:
    sandbox = Sandbox()
    for _ in range(2):
        sandbox.start()
        assert identify(sandbox.url)
        sandbox.stop()
        sandbox.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_prints_its_address_and_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    command = [sys.executable, "-c", "from pipeline.sandbox import serve; serve(port=0)"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stderr is not None
        line, how = process.stderr.readline(), process.stderr.readline()
        fine = identify(line.split()[2].rstrip(":"))
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert fine and line.startswith("sandbox on http://127.0.0.1:")
    assert "no real Claude answers" in line and "not Google's; tables in var/bigquery-sandbox.db" in line
    assert f"ANTHROPIC_BASE_URL={line.split()[2].rstrip(':')} " in how
    assert (process.returncode, out, err) == (0, "", "")
