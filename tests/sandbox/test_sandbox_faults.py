"""Faults occur at the given rate, on the same texts each time, and look like those of Claude's API."""

from __future__ import annotations

import gc
import json
import time
from collections import Counter
from collections.abc import Callable

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analyse.answer import Unreadable, parse_answer
from pipeline.errors import SettingsError
from pipeline.records import JsonError
from pipeline.sandbox import Sandbox
from pipeline.sandbox.faults import Fault, choose, parse

Ask = Callable[..., anthropic.types.Message]


@given(st.dictionaries(st.sampled_from(list(Fault)), st.integers(0, 12).map(lambda percent: percent / 100)))
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
    ("kind", "error", "status"),
    [
        ("rate_limited", anthropic.RateLimitError, 429),
        ("overloaded", anthropic.OverloadedError, 529),
        ("error", anthropic.InternalServerError, 500),
    ],
)
def test_an_error_status_raises_the_sdks_error(ask: Ask, kind: str, error: type, status: int) -> None:
    with Sandbox(latency_s=0, faults={kind: 1}) as sandbox, pytest.raises(error) as raised:
        ask(sandbox, "Bien")
    assert raised.value.status_code == status
    assert raised.value.response.headers.get("retry-after") == ("1" if status == 429 else None)
    assert raised.value.body["request_id"] == raised.value.response.headers["request-id"]


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
