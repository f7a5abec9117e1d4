"""Limits refuse what exceeds them, and refill with time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.sandbox import Sandbox
from pipeline.sandbox.limits import LimitExceeded, Limits, parse_limits

Ask = Callable[..., anthropic.types.Message]


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@given(st.dictionaries(st.sampled_from(["requests", "input-tokens", "output-tokens", "burst"]), st.integers(1, 10**9)))
def test_a_valid_spec_is_parsed(limits: dict[str, int]) -> None:
    assert parse_limits(",".join(f" {kind} = {number}" for kind, number in limits.items())) == limits


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("speed=1", "requests, input-tokens, output-tokens, burst"),
        ("requests", "requests=600"),
        ("requests=0", "requests=600"),
        ("requests=1.5", "requests=600"),
        ("burst=nan", "burst=5"),
        ("requests=1,requests=1", "twice"),
    ],
)
def test_the_error_on_an_invalid_spec_says_what_to_write(spec: str, says: str) -> None:
    with pytest.raises(SettingsError, match=rf"^--limits: [^\n]*{re.escape(says)}[^\n]*$"):
        Sandbox(limits=spec)


def test_a_request_beyond_the_limit_waits_as_long_as_retry_after_says(clock: Clock, ask: Ask) -> None:
    """30 requests per minute with two seconds' worth in the bucket are one request, then one each two seconds."""
    with Sandbox(latency_s=0, limits="requests=30,burst=2", clock=clock) as sandbox:
        ask(sandbox, "Bien")
        with pytest.raises(anthropic.RateLimitError) as raised:
            ask(sandbox, "Bien")
        headers = raised.value.response.headers
        assert (raised.value.type, headers["retry-after"]) == ("rate_limit_error", "2")
        assert (headers["anthropic-ratelimit-requests-limit"], raised.value.error_code) == ("30", None)
        assert headers["anthropic-ratelimit-requests-remaining"] == "0"
        reset = datetime.fromisoformat(headers["anthropic-ratelimit-requests-reset"])
        assert timedelta(0) < reset - datetime.now(UTC) < timedelta(seconds=5)
        clock.now += 2
        ask(sandbox, "Bien")


def test_output_tokens_are_taken_after_the_answer_and_may_exceed_what_there_was(clock: Clock, ask: Ask) -> None:
    with Sandbox(latency_s=0, limits={"output-tokens": 60, "burst": 1}, clock=clock) as sandbox:
        used = ask(sandbox, "Livraison rapide").usage.output_tokens
        with pytest.raises(anthropic.RateLimitError, match="output tokens") as raised:
            ask(sandbox, "Livraison rapide")
    assert used > 1
    assert raised.value.response.headers["retry-after"] == str(used)


def test_tokens_read_from_the_cache_do_not_count_towards_the_limit(clock: Clock, ask: Ask) -> None:
    system = [{"type": "text", "text": "x" * 4000, "cache_control": {"type": "ephemeral"}}]
    with Sandbox(latency_s=0, limits="input-tokens=1500", clock=clock) as sandbox:
        first = ask(sandbox, "Bien", system=system).usage
        second = ask(sandbox, "Bien", system=system).usage
        with pytest.raises(anthropic.RateLimitError, match="1500 input tokens per minute"):
            ask(sandbox, "Bien", system="y" * 4000)
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 1000


def test_a_refused_request_costs_neither_tokens_nor_money(clock: Clock, ask: Ask, tmp_path: Path) -> None:
    bill = tmp_path / "billed.jsonl"
    with Sandbox(latency_s=0, limits="input-tokens=100", billed=bill, clock=clock) as sandbox:
        for _ in range(2):
            with pytest.raises(anthropic.RateLimitError) as raised:
                ask(sandbox, "Bien")
            assert raised.value.response.headers["anthropic-ratelimit-input-tokens-remaining"] == "100"
    assert bill.read_text(encoding="utf-8") == ""


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 50), st.integers(0, 50)), max_size=60))
def test_no_more_is_admitted_than_the_bucket_and_its_refill(steps: list[tuple[float, int, int]]) -> None:
    clock = Clock()
    limits = Limits({"requests": 60, "input-tokens": 600, "output-tokens": 600, "burst": 5}, clock)
    admitted = taken = 0
    for wait, input_tokens, output_tokens in steps:
        clock.now += wait
        try:
            limits.admit(input_tokens)
        except LimitExceeded as refused:
            assert refused.retry_after_s >= 1
            continue
        limits.spend(output_tokens)
        admitted, taken = admitted + 1, taken + input_tokens
    passed = clock.now - 1000
    assert admitted <= 5 + passed + 0.001 and taken <= 50 + passed * 10 + 0.001
