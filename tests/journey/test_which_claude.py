"""The mode alone decides whether the sandbox or the real Claude answers."""

import json
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from .conftest import Command, query, write_jsonl
from .recorder import Recorder

KEY = "sk-ant-real-0123456789"
PROD = {"SCRAPER_MODE": "prod", "ANTHROPIC_API_KEY": KEY}


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write_jsonl(tmp_path / "reviews.jsonl", ["La livraison est très rapide", "Le produit est arrivé cassé"]).name


def test_sandbox_answers_are_never_used_as_claudes(verbatims: Command, recorder: Recorder, file: str) -> None:
    assert verbatims("run", "--input", file, "--json").data["analysed"] == 2
    mixed = verbatims("run", "--input", file, ANTHROPIC_BASE_URL=recorder.url, **PROD)
    assert (mixed.code, mixed.err.count("\n"), recorder.requests) == (2, 1, []) and "STORE" in mixed.err
    real = verbatims(
        "run", "--input", file, "--json", ANTHROPIC_BASE_URL=recorder.url, STORE="sqlite:///real.db", **PROD
    )
    assert (real.data["analysed"], real.data["from_cache"], real.data["sandbox"]) == (2, 0, False)
    assert len(recorder.requests) == 2 and set(recorder.keys) == {f"Bearer {KEY}"}


def test_a_sandbox_run_is_marked_in_its_first_line_its_summary_and_every_row(
    verbatims: Command, file: str, tmp_path: Path
) -> None:
    ended = verbatims("run", "--input", file, ANTHROPIC_API_KEY=KEY, VERBATIMS_MODEL="claude-haiku-5-5")
    lines = ended.err.splitlines()
    assert lines[0].startswith("SANDBOX: no real Claude answers")
    assert any("not billed" in line and "calls" in line for line in lines)
    assert set(query(tmp_path / "var/verbatims-warehouse.db", "SELECT model FROM verbatims_analysed_v2")) == {
        ("sandbox",)
    }


def test_sandbox_mode_sends_nothing_to_an_address_that_is_not_a_sandbox(
    verbatims: Command, recorder: Recorder, file: str
) -> None:
    ended = verbatims("run", "--input", file, ANTHROPIC_BASE_URL=recorder.url, ANTHROPIC_API_KEY=KEY)
    assert (ended.code, ended.err.count("\n")) == (2, 1) and "does not identify itself as a sandbox" in ended.err
    assert recorder.requests == []


def test_sandbox_traffic_does_not_use_a_proxy(verbatims: Command, httpserver: HTTPServer, file: str) -> None:
    proxy = {name: httpserver.url_for("") for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")}
    none = {"NO_PROXY": "", "no_proxy": ""}
    assert verbatims("run", "--limit", "5", **proxy, **none).code == 0
    assert verbatims("run", "--input", file, **proxy, **none).code == 0
    assert httpserver.log == []


def test_a_warehouse_holds_only_sandbox_rows_or_only_real_rows(
    verbatims: Command, recorder: Recorder, file: str
) -> None:
    warehouse = {"WAREHOUSE": "sqlite:///rows.db"}
    assert verbatims("run", "--input", file, **warehouse).code == 0
    ended = verbatims(
        "run", "--input", file, ANTHROPIC_BASE_URL=recorder.url, STORE="sqlite:///real.db", **warehouse, **PROD
    )
    assert (ended.code, ended.err.count("\n"), recorder.requests) == (2, 1, []) and "WAREHOUSE" in ended.err


GOOD = {"type": "message", "content": [{"type": "text", "text": "{}"}], "usage": {"input_tokens": 1}}


@pytest.mark.long
@pytest.mark.parametrize(
    ("odd", "failed"),
    [
        ("<html>", "failed"),
        ("[]", "failed"),
        ("[" * 100_000, "failed"),
        (json.dumps(GOOD | {"content": 5}), "failed"),
        (json.dumps(GOOD | {"usage": None}), "failed"),
        (json.dumps(GOOD | {"usage": {"input_tokens": "many"}}), "failed"),
        (json.dumps(GOOD | {"usage": {"input_tokens": 10**30}}), "failed"),
        (json.dumps(GOOD | {"usage": {"input_tokens": -5}}), "failed"),
        (json.dumps(GOOD | {"content": [{"text": "\ud800 \x00"}]}), "unreadable"),
        (json.dumps(GOOD | {"stop_reason": "refusal", "content": []}), "refused"),
    ],
)
def test_one_malformed_answer_fails_only_that_text(
    verbatims: Command, recorder: Recorder, tmp_path: Path, odd: str, failed: str
) -> None:
    texts = [f"La livraison numéro {i} était rapide" for i in range(10)]
    write_jsonl(tmp_path / "reviews.jsonl", [*texts, "Un texte bizarre entre tous"])
    recorder.odd = odd
    ended = verbatims("run", "--input", "reviews.jsonl", "--json", ANTHROPIC_BASE_URL=recorder.url, **PROD)
    assert (ended.code, ended.data["analysed"], ended.data["failed"]) == (1, 10, {failed: 1})


def test_no_redirect_sends_a_verbatim_to_another_address(verbatims: Command, httpserver: HTTPServer, file: str) -> None:
    httpserver.expect_request("/elsewhere").respond_with_data("{}")
    away = {"Location": httpserver.url_for("/elsewhere")}
    httpserver.expect_request("/v1/messages").respond_with_data("", 307, away)
    ended = verbatims("run", "--input", file, "--json", ANTHROPIC_BASE_URL=httpserver.url_for(""), **PROD)
    assert ended.data["failed"] == {"failed": 2}
    assert {request.path for request, _ in httpserver.log} == {"/v1/messages"}


def test_credentials_for_a_gateway_are_not_sent_to_the_sandbox(
    verbatims: Command, httpserver: HTTPServer, file: str
) -> None:
    label = {"x-verbatims-sandbox": "true"}
    httpserver.expect_request("/sandbox").respond_with_json({"sandbox": "verbatims", "version": "x"}, headers=label)
    Recorder(httpserver)
    secrets = {"ANTHROPIC_CUSTOM_HEADERS": f"x-gateway: {KEY}", "ANTHROPIC_AUTH_TOKEN": KEY, "ANTHROPIC_API_KEY": KEY}
    assert verbatims("run", "--input", file, ANTHROPIC_BASE_URL=httpserver.url_for(""), **secrets).code == 0
    assert len(httpserver.log) == 3 and KEY not in "".join(str(request.headers) for request, _ in httpserver.log)


def test_if_every_request_is_invalid_the_run_stops_and_no_text_fails(
    verbatims: Command, recorder: Recorder, tmp_path: Path
) -> None:
    write_jsonl(tmp_path / "reviews.jsonl", [f"La livraison numéro {i} était rapide" for i in range(100)])
    arguments = ("run", "--input", "reviews.jsonl", "--json")
    prod = {"ANTHROPIC_BASE_URL": recorder.url, "VERBATIMS_CONCURRENCY": "4", **PROD}
    recorder.status = 400
    ended = verbatims(*arguments, **prod)
    assert ended.code == 3 and "VERBATIMS_MODEL" in ended.err and len(recorder.requests) < 30
    recorder.status = 200
    assert verbatims(*arguments, **prod).data["loaded"] == 100


def test_the_sandbox_never_answers_for_a_real_model(verbatims: Command, file: str) -> None:
    from pipeline.sandbox import Sandbox

    with Sandbox() as sandbox:
        ended = verbatims("run", "--input", file, ANTHROPIC_BASE_URL=sandbox.url, **PROD)
    assert ended.code == 2 and "claude-haiku-5-5" in ended.err.splitlines()[-1]


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_rejected_key_stops_the_run_at_once(
    verbatims: Command, recorder: Recorder, tmp_path: Path, status: int
) -> None:
    recorder.status = status
    write_jsonl(tmp_path / "reviews.jsonl", [f"La livraison numéro {i} était rapide" for i in range(100)])
    ended = verbatims(
        "run",
        "--input",
        "reviews.jsonl",
        ANTHROPIC_BASE_URL=recorder.url,
        VERBATIMS_CONCURRENCY="4",
        VERBATIMS_RETRY_S="0",
        **PROD,
    )
    assert ended.code == 2 and f"answered {status}" in ended.err and KEY not in ended.err
    assert len(recorder.requests) <= 8
    calls = query(tmp_path / "var/verbatims.db", "SELECT DISTINCT outcome, error, cost_usd FROM attempts")
    assert calls == [("failed", f"http_{status}", 0.0)]


def test_requests_differ_only_in_the_text_of_the_verbatim(verbatims: Command, recorder: Recorder, file: str) -> None:
    verbatims("run", "--input", file, ANTHROPIC_BASE_URL=recorder.url, **PROD)
    first, second = recorder.requests
    assert first.pop("messages") != second.pop("messages")
    assert first == second and first["model"] == "claude-haiku-5-5"
    assert not {"temperature", "top_p", "top_k"} & first.keys()
    assert first["output_config"]["format"]["type"] == "json_schema"
