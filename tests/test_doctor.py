"""The doctor reports for each part whether it works, or what to do."""

import socket

import pytest
from otlp_receiver import Receiver
from pytest_httpserver import HTTPServer

from pipeline.doctor import Finding, examine
from pipeline.sandbox import Sandbox
from pipeline.settings import load_settings

SERVERS = {
    "Prometheus": "/-/ready",
    "Pushgateway": "/-/ready",
    "Tempo": "/ready",
    "Alertmanager": "/-/ready",
    "Grafana": "/api/health",
}


def look(tmp_path: object, **environment: str) -> dict[str, Finding]:
    settings = load_settings({"STORE": f"sqlite:///{tmp_path}/x.db", **environment}, dotenv=None)
    return {finding.name: finding for finding in examine(settings)}


@pytest.fixture
def unused_address() -> str:
    """An address where unused_address listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_every_part_is_fine_if_every_server_answers(
    tmp_path: object, httpserver: HTTPServer, receiver: Receiver
) -> None:
    for path in set(SERVERS.values()):
        httpserver.expect_request(path).respond_with_data("ok")
    urls = {f"VERBATIMS_{name.upper()}_URL": httpserver.url_for("") for name in SERVERS}
    with Sandbox() as sandbox:
        found = look(tmp_path, ANTHROPIC_BASE_URL=sandbox.url, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **urls)
    assert len(found) == 11 and all(finding.fine for finding in found.values()), found


def test_a_server_that_does_not_answer_is_named_with_its_setting(tmp_path: object, unused_address: str) -> None:
    urls = {f"VERBATIMS_{name.upper()}_URL": unused_address for name in SERVERS}
    found = look(tmp_path, ANTHROPIC_BASE_URL=unused_address, OTEL_EXPORTER_OTLP_ENDPOINT=unused_address, **urls)
    wrong = {name for name, finding in found.items() if not finding.fine}
    assert wrong == {*SERVERS, "Claude", "Collector"}
    assert all(f"VERBATIMS_{name.upper()}_URL" in found[name].said for name in SERVERS)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in found["Collector"].said


@pytest.mark.parametrize(("status", "fine"), [(200, True), (401, False), (500, False)])
def test_the_key_is_checked_without_a_paid_request(
    tmp_path: object, httpserver: HTTPServer, status: int, fine: bool
) -> None:
    httpserver.expect_request("/v1/models/claude-haiku-5-5").respond_with_data("{}", status)
    found = look(
        tmp_path, SCRAPER_MODE="prod", ANTHROPIC_API_KEY="sk-secret", ANTHROPIC_BASE_URL=httpserver.url_for("")
    )
    assert found["Claude"].fine is fine and "sk-secret" not in found["Claude"].said
    assert {request.path for request, _ in httpserver.log} == {"/v1/models/claude-haiku-5-5"}


@pytest.mark.parametrize(
    ("described", "status", "fine", "said"),
    [
        ({"lifecycle": "active", "retires_at": None}, 200, True, "no day is set"),
        ({"lifecycle": "deprecated", "retires_at": "2027-03-01T00:00:00Z"}, 200, True, "retires on 2027-03-01"),
        ({"lifecycle": "deprecated", "retires_at": None}, 200, True, "is deprecated"),
        ({"lifecycle": "retired", "retires_at": "2026-01-01T00:00:00Z"}, 200, False, "VERBATIMS_MODEL"),
        ({"type": "error"}, 404, False, "knows no model claude-haiku-5-5: check VERBATIMS_MODEL"),
        ([], 200, True, "takes the key"),
    ],
)
def test_the_model_is_asked_for_and_its_end_is_said(
    tmp_path: object, httpserver: HTTPServer, described: object, status: int, fine: bool, said: str
) -> None:
    httpserver.expect_request("/v1/models/claude-haiku-5-5").respond_with_json(described, status)
    address = httpserver.url_for("")
    found = look(tmp_path, SCRAPER_MODE="prod", ANTHROPIC_API_KEY="k", ANTHROPIC_BASE_URL=address)["Claude"]
    assert found.fine is fine and said in found.said
