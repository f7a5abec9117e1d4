"""Counting tokens, the list of models, effort and refusals, by the real SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from pipeline.sandbox import Sandbox

Ask = Callable[..., anthropic.types.Message]
Body = Callable[[str], dict[str, Any]]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sandbox", base_url=sandbox.url, max_retries=0, timeout=10) as client:
        yield client


def test_tokens_are_counted_as_an_answer_bills_them(
    client: anthropic.Anthropic, sandbox: Sandbox, ask: Ask, body: Body
) -> None:
    request = {name: value for name, value in body("Bien").items() if name != "max_tokens"}
    assert client.messages.count_tokens(**request).input_tokens == ask(sandbox, "Bien").usage.input_tokens


@pytest.mark.parametrize(("change", "status"), [({"messages": []}, 400), ({"model": "claude-haiku-5-5"}, 404)])
def test_counting_validates_as_an_answer_does(
    client: anthropic.Anthropic, body: Body, change: dict[str, Any], status: int
) -> None:
    request = {name: value for name, value in body("Bien").items() if name != "max_tokens"}
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.count_tokens(**{**request, **change})
    assert raised.value.status_code == status


def test_counting_is_neither_billed_nor_limited_with_answers(ask: Ask, body: Body, tmp_path: Path) -> None:
    request = {name: value for name, value in body("Bien").items() if name != "max_tokens"}
    bill = tmp_path / "billed.jsonl"
    with Sandbox(latency_s=0, limits="requests=1", billed=bill, clock=lambda: 1.0) as sandbox:
        with anthropic.Anthropic(api_key="sandbox", base_url=sandbox.url, max_retries=0) as client:
            for _ in range(3):
                client.messages.count_tokens(**request)
        assert bill.read_text() == ""
        ask(sandbox, "Bien")


def test_the_sandbox_has_one_model(client: anthropic.Anthropic) -> None:
    model = client.models.retrieve("sandbox")
    assert (model.id, model.lifecycle, model.retires_at, model.capabilities) == ("sandbox", "active", None, None)
    assert model.max_input_tokens and model.max_tokens
    assert [one.id for one in client.models.list()] == ["sandbox"]
    with pytest.raises(anthropic.NotFoundError, match="claude-haiku-5-5"):
        client.models.retrieve("claude-haiku-5-5")


def test_more_effort_is_more_thinking(sandbox: Sandbox, ask: Ask) -> None:
    def thought(effort: str | None) -> int:
        config = {} if effort is None else {"effort": effort}
        usage = ask(sandbox, "Bien", max_tokens=8192, thinking={"type": "adaptive"}, output_config=config).usage
        assert usage.output_tokens_details is not None
        return usage.output_tokens_details.thinking_tokens

    medium = thought(None)
    assert medium == thought("medium") == pytest.approx(3 * thought("low"), abs=2)
    assert thought("high") == thought("max") == pytest.approx(2 * medium, abs=2)
    with pytest.raises(anthropic.BadRequestError, match="effort"):
        thought("much")


def test_a_refusal_has_a_category_or_none(ask: Ask) -> None:
    with Sandbox(latency_s=0, faults={"refused": 1}) as sandbox:
        refusals = [ask(sandbox, f"Montre {n}").stop_details for n in range(30)]
        again = ask(sandbox, "Montre 0").stop_details
    assert {refusal.category for refusal in refusals if refusal} == {"general_harms", "cyber", None}
    assert again == refusals[0]
