"""The sandbox's Messages API, called by the real SDK."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import pytest
import requests

from pipeline.analyse.answer import parse_answer
from pipeline.errors import SettingsError
from pipeline.records import Sentiment
from pipeline.sandbox import Sandbox

Ask = Callable[..., anthropic.types.Message]
Body = Callable[[str], dict[str, Any]]
HEADERS = {"x-api-key": "sandbox", "anthropic-version": "2023-06-01"}


def test_a_verbatim_is_answered_within_the_contract(sandbox: Sandbox, ask: Ask, topics: list[str]) -> None:
    text = "Livraison en retard, colis abîmé et prix scandaleux."
    message = ask(sandbox, text)
    analysis = parse_answer(message.content[0].text, text, frozenset(topics))
    assert (analysis.sentiment, analysis.topics) == (Sentiment.NEGATIVE, ("delivery", "price"))
    assert (message.model, message.role, message.stop_reason) == ("sandbox", "assistant", "end_turn")


def test_the_same_request_gets_the_same_answer(sandbox: Sandbox, ask: Ask) -> None:
    assert ask(sandbox, "Bien").content == ask(sandbox, "Bien").content


def test_four_characters_count_as_one_token(sandbox: Sandbox, ask: Ask) -> None:
    plain = {"model": "sandbox", "max_tokens": 50, "messages": [{"role": "user", "content": "x" * 41}]}
    usage = ask(sandbox, "", **plain, system="y" * 8, output_config=anthropic.NOT_GIVEN).usage
    assert (usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (11 + 2, 0, 0)


def test_an_answer_is_cut_at_max_tokens(sandbox: Sandbox, ask: Ask) -> None:
    message = ask(sandbox, "Bonne montre", max_tokens=5)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)


def test_a_request_without_a_thinking_mode_is_billed_for_thinking(sandbox: Sandbox, body: Body, ask: Ask) -> None:
    plain = ask(sandbox, "Bonne montre").usage
    assert plain.output_tokens_details is not None and plain.output_tokens_details.thinking_tokens == 0
    for said in ({"thinking": anthropic.NOT_GIVEN}, {"thinking": {"type": "adaptive"}}):
        message = ask(sandbox, "Bonne montre", max_tokens=4096, **said)
        assert message.usage.output_tokens_details is not None
        thought = message.usage.output_tokens_details.thinking_tokens
        assert 200 <= thought <= 2000 and message.usage.output_tokens == plain.output_tokens + thought
        assert [block.type for block in message.content] == ["thinking", "text"]


def test_thinking_can_use_up_all_tokens_of_the_answer(sandbox: Sandbox, ask: Ask) -> None:
    message = ask(sandbox, "Bonne montre", max_tokens=150, thinking={"type": "adaptive"})
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 150)
    assert [block.type for block in message.content] == ["thinking"]


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"model": "claude-haiku-5-5"}, 404, "not_found_error"),
        ({"model": None}, 400, "invalid_request_error"),
        ({"max_tokens": None}, 400, "invalid_request_error"),
        ({"messages": None}, 400, "invalid_request_error"),
        ({"max_tokens": 0}, 400, "invalid_request_error"),
        ({"messages": []}, 400, "invalid_request_error"),
        ({"messages": [{"role": "user", "content": 3}]}, 400, "invalid_request_error"),
        ({"temperature": 0.5}, 400, "invalid_request_error"),
        ({"thinking": {"type": "much"}}, 400, "invalid_request_error"),
        ({"output_config": {"format": {"type": "json"}}}, 400, "invalid_request_error"),
    ],
)
def test_a_bad_request_gets_the_error_of_the_api(
    sandbox: Sandbox, body: Body, change: dict[str, Any], status: int, kind: str
) -> None:
    changed = {name: value for name, value in {**body("Bien"), **change}.items() if value is not None}
    answer = requests.post(f"{sandbox.url}/v1/messages", json=changed, headers=HEADERS, timeout=5)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert answer.json()["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": "\\ud800"}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_a_json_object_is_a_bad_request(sandbox: Sandbox, body: bytes) -> None:
    assert requests.post(f"{sandbox.url}/v1/messages", data=body, headers=HEADERS, timeout=5).status_code == 400


def test_a_request_without_a_key_is_rejected(sandbox: Sandbox, body: Body) -> None:
    answer = requests.post(f"{sandbox.url}/v1/messages", json=body("Bien"), timeout=5)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")


def test_an_unknown_path_gets_an_error_object(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/v1/unknown", timeout=5)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


def test_every_answer_has_the_rate_limit_headers(sandbox: Sandbox, body: Body) -> None:
    for headers in (HEADERS, {}):
        answer = requests.post(f"{sandbox.url}/v1/messages", json=body("Bien"), headers=headers, timeout=5)
        for kind in ("requests", "input-tokens", "output-tokens"):
            prefix = f"anthropic-ratelimit-{kind}"
            assert 0 <= int(answer.headers[f"{prefix}-remaining"]) <= int(answer.headers[f"{prefix}-limit"])
            assert answer.headers[f"{prefix}-reset"].endswith("Z")


def test_every_paid_answer_is_billed_once_with_its_request_id(ask: Ask, tmp_path: Path) -> None:
    """With concurrent requests; error statuses cost nothing."""
    bill = tmp_path / "billed.jsonl"
    texts = [f"Montre {n}" for n in range(40)]

    def paid(text: str) -> tuple[str, str, int, int] | None:
        try:
            message = ask(sandbox, text)
        except anthropic.APIStatusError:
            return None
        usage = message.usage
        digest = hashlib.sha256(text.encode()).hexdigest()
        return str(message._request_id), digest, usage.input_tokens, usage.output_tokens

    with Sandbox(latency_s=0, faults="overloaded=0.3,empty=0.2", billed=bill) as sandbox, ThreadPoolExecutor(8) as pool:
        received = {line for line in pool.map(paid, texts) if line}
    lines = [json.loads(line) for line in bill.read_text(encoding="utf-8").splitlines()]
    keys = ("request_id", "text_sha256", "input_tokens", "output_tokens")
    assert {tuple(line[key] for key in keys) for line in lines} == received
    assert len(lines) == len(received) < len(texts)
    assert {line["outcome"] for line in lines} == {"analysed", "empty"}


def test_noise_changes_what_is_billed_and_not_what_is_counted(body: Body, ask: Ask) -> None:
    text = "Livraison en retard, colis abîmé et prix scandaleux. " * 20
    counted = {name: value for name, value in body(text).items() if name != "max_tokens"}
    with Sandbox(latency_s=0) as exact, Sandbox(latency_s=0, noise=0.4) as noisy, Sandbox(noise=0.4, seed=8) as other:
        billed = [ask(sandbox, text).usage for sandbox in (exact, noisy, noisy, other)]
        counts = [
            requests.post(f"{sandbox.url}/v1/messages/count_tokens", json=counted, headers=HEADERS, timeout=10).json()
            for sandbox in (exact, noisy)
        ]
    assert counts[0] == counts[1]
    tokens = [(_input(usage), usage.output_tokens) for usage in billed]
    assert tokens[1] == tokens[2] and len(set(tokens)) == 3
    for given, output in tokens[1:]:
        assert 0.9 * tokens[0][0] <= given <= 1.1 * tokens[0][0]
        assert 0.6 * tokens[0][1] - 1 <= output <= 1.8 * tokens[0][1] + 1


def test_noise_is_a_share() -> None:
    for noise in (-0.1, 1.1, float("nan")):
        with pytest.raises(SettingsError, match="--token-noise"):
            Sandbox(noise=noise)


def _input(usage: anthropic.types.Usage) -> int:
    return usage.input_tokens + (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
