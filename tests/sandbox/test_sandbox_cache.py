"""The prompt cache of the sandbox, as claude-haiku-5-5 has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest

from pipeline.sandbox import Sandbox

Ask = Callable[..., anthropic.types.Message]


def _system(ttl: str | None = None, mark: str = "x") -> list[dict[str, Any]]:
    """A system prompt of 1000 tokens, marked to be cached."""
    control = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    return [{"type": "text", "text": mark * 4000, "cache_control": control}]


def _tokens(message: anthropic.types.Message) -> tuple[int, int, int]:
    usage = message.usage
    return usage.input_tokens, usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0


def test_the_first_request_writes_the_prefix_and_later_ones_read_it(ask: Ask) -> None:
    with Sandbox(latency_s=0) as sandbox:
        first, second = (ask(sandbox, text, system=_system()) for text in ("Bien", "Mal, très mal"))
        whole = sum(_tokens(ask(sandbox, "Bien", system="x" * 4000)))
    (plain, written, nothing), (other, none, read) = _tokens(first), _tokens(second)
    assert (nothing, none) == (0, 0) and written == read > 1000 > other > plain > 0
    assert plain + written == whole
    assert first.usage.cache_creation is not None
    assert first.usage.cache_creation.ephemeral_5m_input_tokens == written


def test_another_prefix_is_not_read(ask: Ask) -> None:
    changes: list[dict[str, Any]] = [
        {"system": _system(mark="y")},
        {"thinking": {"type": "adaptive"}},
        {"output_config": {"effort": "low"}},
    ]
    with Sandbox(latency_s=0) as sandbox:
        ask(sandbox, "Bien", system=_system())
        for change in changes:
            assert _tokens(ask(sandbox, "Bien", **{"system": _system(), **change}))[2] == 0


@pytest.mark.parametrize(("ttl", "seconds"), [(None, 300), ("5m", 300), ("1h", 3600)])
def test_a_prefix_stays_for_its_time_to_live_after_the_last_use(ask: Ask, ttl: str | None, seconds: int) -> None:
    now = [0.0]
    with Sandbox(latency_s=0, clock=lambda: now[0]) as sandbox:
        created = ask(sandbox, "Bien", system=_system(ttl)).usage.cache_creation
        for wait, is_read in ((seconds - 1, True), (seconds - 1, True), (seconds + 1, False)):
            now[0] += wait
            assert (_tokens(ask(sandbox, "Bien", system=_system(ttl)))[2] > 0) == is_read
    assert created is not None
    assert (created.ephemeral_1h_input_tokens > 1000) == (ttl == "1h")
    assert (created.ephemeral_5m_input_tokens > 1000) == (ttl != "1h")


def test_an_unknown_time_to_live_is_a_bad_request(sandbox: Sandbox, ask: Ask) -> None:
    with pytest.raises(anthropic.BadRequestError, match="ttl"):
        ask(sandbox, "Bien", system=_system("1d"))


def test_a_short_prefix_or_an_unmarked_one_is_not_cached(sandbox: Sandbox, ask: Ask) -> None:
    for system in ([{"type": "text", "text": "z" * 4000}], [{**_system()[0], "text": "Analyse."}]):
        for _ in range(2):
            assert _tokens(ask(sandbox, "Bien", system=system))[1:] == (0, 0)


def test_without_the_cache_all_input_is_plain(ask: Ask) -> None:
    with Sandbox(latency_s=0, cache=False) as sandbox:
        for _ in range(2):
            assert _tokens(ask(sandbox, "Bien", system=_system()))[1:] == (0, 0)


def test_the_bill_has_the_total_and_its_cached_parts(ask: Ask, tmp_path: Path) -> None:
    bill = tmp_path / "billed.jsonl"
    with Sandbox(latency_s=0, billed=bill) as sandbox:
        answered = [_tokens(ask(sandbox, "Bien", system=_system())) for _ in range(2)]
    names = ("input_tokens", "cache_write_tokens", "cache_read_tokens")
    billed = [tuple(json.loads(line)[name] for name in names) for line in bill.read_text().splitlines()]
    assert billed == [(sum(tokens), *tokens[1:]) for tokens in answered]
