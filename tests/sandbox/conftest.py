"""A shared sandbox with default settings, and the real SDK as its client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest

from pipeline.analyse.answer import schema
from pipeline.sandbox import Sandbox

TOPICS = ["delivery", "price", "battery", "customer_service"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(latency_s=0) as running:
        yield running


@pytest.fixture
def topics() -> list[str]:
    """The closed list of topics in requests."""
    return list(TOPICS)


@pytest.fixture
def body() -> Callable[[str], dict[str, Any]]:
    """The body of a request about a text."""
    return _request


@pytest.fixture
def ask() -> Iterator[Callable[..., anthropic.types.Message]]:
    """Asks a running sandbox about a text through the real SDK, without retries."""
    clients: list[anthropic.Anthropic] = []

    def ask(sandbox: Sandbox, text: str, **more: Any) -> anthropic.types.Message:
        clients.append(anthropic.Anthropic(api_key="sandbox", base_url=sandbox.url, max_retries=0, timeout=10))
        return clients[-1].messages.create(**{**_request(text), **more})

    yield ask
    for client in clients:
        client.close()


def _request(text: str) -> dict[str, Any]:
    """The body of a request as the pipeline sends it."""
    return {
        "model": "sandbox",
        "max_tokens": 1024,
        "thinking": {"type": "disabled"},
        "system": [{"type": "text", "text": "Analyse.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": f"<verbatim>\n{text}\n</verbatim>"}],
        "output_config": {"format": {"type": "json_schema", "schema": schema(TOPICS)}},
    }
