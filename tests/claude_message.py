"""An answer of Claude's API as JSON, for servers that a test runs in its place."""

from __future__ import annotations

from typing import Any


def message(text: str, *, input_tokens: int = 1000, output_tokens: int = 20) -> dict[str, Any]:
    """A complete message that says `text`."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens},
    }
