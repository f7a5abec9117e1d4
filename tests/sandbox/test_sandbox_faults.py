"""Faults occur at the given rate, on the same texts each time, and look like those of Claude's API."""

from __future__ import annotations

import gc
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analyse.answer import Unreadable, parse_answer
from pipeline.errors import SettingsError
from pipeline.records import JsonError
from pipeline.sandbox import Sandbox
from pipeline.sandbox.faults import Fault, choose, parse

Ask = Callable[..., anthropic.types.Message]


@given(st.dictionaries(st.sampled_from(list(Fault)), st.integers(0, 5).map(lambda percent: percent / 100)))
def test_a_valid_spec_is_parsed(shares: dict[Fault, float]) -> None:
    assert parse(",".join(f" {kind} = {share}" for kind, share in shares.items())) == shares


@given(st.text())
def test_any_invalid_spec_is_a_settings_error_of_one_line(spec: str) -> None:
    try:
        shares = parse(spec)
    except SettingsError as error:
        assert "\n" not in str(error)
    else:
        assert all(0 <= share <= 1 for share in shares.values())


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("quick=0.1", "unreadable, empty, truncated, refused, rate_limited, overloaded, error, timeout"),
        ("empty", "empty=0.05"),
        ("empty=nan", "empty=0.05"),
        ("empty=2", "empty=0.05"),
        ("empty=0.6,error=0.6", "more than 1"),
        ("empty=0.1,empty=0.1", "twice"),
    ],
)
def test_the_error_on_an_invalid_spec_says_what_to_write(spec: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Sandbox(faults=spec)


def test_rates_are_met_and_depend_only_on_seed_text_and_attempt() -> None:
    shares = {"empty": 0.1, "error": 0.2}
    drawn = [choose(shares, 7, f"text {n}", 0) for n in range(5000)]
    assert drawn == [choose(shares, 7, f"text {n}", 0) for n in range(5000)]
    counted = Counter(drawn)
    assert counted[Fault.EMPTY] / 5000 == pytest.approx(0.1, abs=0.02)
    assert counted[Fault.ERROR] / 5000 == pytest.approx(0.2, abs=0.02)
    assert len({choose(shares, 7, "text", turn) for turn in range(50)}) == 3


@pytest.mark.parametrize(
    ("kind", "error", "type_", "code", "retry_after"),
    [
        ("rate_limited", anthropic.RateLimitError, "rate_limit_error", None, "1"),
        ("overloaded", anthropic.OverloadedError, "overloaded_error", None, None),
        ("error", anthropic.InternalServerError, "api_error", None, None),
        ("spend_limit", anthropic.RateLimitError, "rate_limit_error", "enforced_spend_limit_reached", None),
        ("contract_limit", anthropic.RateLimitError, "rate_limit_error", "contract_spend_limit_reached", None),
        ("ramp_limit", anthropic.RateLimitError, "rate_limit_error", "ramp_limit_exceeded", "1"),
        ("on_hold", anthropic.BadRequestError, "invalid_request_error", "organization_on_hold", None),
        ("invalid", anthropic.BadRequestError, "invalid_request_error", None, None),
        ("too_large", anthropic.ContentTooLargeError, "request_too_large", None, None),
        ("denied", anthropic.AuthenticationError, "authentication_error", None, None),
        ("gateway", anthropic.GatewayTimeoutError, "timeout_error", None, None),
    ],
)
def test_an_error_status_raises_the_sdks_error(
    ask: Ask, kind: str, error: type, type_: str, code: str | None, retry_after: str | None
) -> None:
    with Sandbox(latency_s=0, faults={kind: 1}) as sandbox, pytest.raises(error) as raised:
        ask(sandbox, "Bien")
    assert (raised.value.type, raised.value.error_code) == (type_, code)
    assert ("details" in raised.value.body["error"]) == (code is not None)
    assert raised.value.response.headers.get("retry-after") == retry_after
    assert raised.value.body["request_id"] == raised.value.response.headers["request-id"]


def test_a_broken_connection_is_neither_answered_nor_billed(ask: Ask, tmp_path: Path) -> None:
    bill = tmp_path / "billed.jsonl"
    with Sandbox(faults={"broken": 1}, billed=bill) as sandbox, pytest.raises(anthropic.APIConnectionError) as raised:
        ask(sandbox, "Bien")
    assert not isinstance(raised.value, anthropic.APITimeoutError)
    assert bill.read_text() == ""


def test_a_paid_timeout_is_billed_although_the_client_gets_nothing(ask: Ask, tmp_path: Path) -> None:
    bill = tmp_path / "billed.jsonl"
    with Sandbox(latency_s=0, faults={"paid_timeout": 1}, billed=bill) as sandbox:
        with pytest.raises(anthropic.APITimeoutError):
            ask(sandbox, "Bien", timeout=0.5)
        assert [json.loads(line)["outcome"] for line in bill.read_text().splitlines()] == ["analysed"]


def test_a_page_instead_of_json_has_status_200(body: Callable[[str], dict[str, Any]]) -> None:
    headers = {"x-api-key": "sandbox", "anthropic-version": "2023-06-01"}
    with Sandbox(latency_s=0, faults={"not_json": 1}) as sandbox:
        answer = requests.post(f"{sandbox.url}/v1/messages", json=body("Bien"), headers=headers, timeout=5)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(
    ("kind", "stop_reason"), [("empty", "end_turn"), ("truncated", "max_tokens"), ("refused", "refusal")]
)
def test_a_faulty_answer_is_paid(ask: Ask, kind: str, stop_reason: str) -> None:
    with Sandbox(latency_s=0, faults={kind: 1}) as sandbox:
        message = ask(sandbox, "Livraison rapide")
    assert message.stop_reason == stop_reason
    assert message.usage.input_tokens > 0 < message.usage.output_tokens
    if kind == "truncated":
        with pytest.raises(json.JSONDecodeError):
            json.loads(message.content[0].text)
    else:
        assert message.content == []


def test_an_unreadable_answer_breaks_the_contract_in_each_of_three_ways(ask: Ask, topics: list[str]) -> None:
    reasons = set()
    with Sandbox(latency_s=0, faults={"unreadable": 1}) as sandbox:
        for n in range(20):
            text = f"Livraison {n}"
            with pytest.raises(Unreadable) as raised:
                parse_answer(ask(sandbox, text).content[0].text, text, frozenset(topics))
            reasons.add(raised.value.reason)
    assert reasons == set(JsonError)


def test_stopping_does_not_wait_for_a_hanging_request(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    sandbox = Sandbox(faults={"timeout": 1}).start()
    with pytest.raises(anthropic.APITimeoutError):
        ask(sandbox, "Bien", timeout=0.2)
    started = time.monotonic()
    sandbox.stop()
    gc.collect()
    # not a benchmark: a sandbox that waits would take two minutes
    assert time.monotonic() - started < 60
    assert caplog.records == []


def test_a_retry_can_succeed(ask: Ask) -> None:
    with Sandbox(latency_s=0, faults={"error": 0.5}) as sandbox:
        outcomes = []
        for _ in range(12):
            try:
                outcomes.append(ask(sandbox, "Bien").stop_reason)
            except anthropic.InternalServerError:
                outcomes.append("error")
    assert set(outcomes) == {"end_turn", "error"}
