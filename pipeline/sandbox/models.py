"""The sandbox's `GET /v1/models`: it knows one model."""

from __future__ import annotations

from typing import Any

from pipeline.records import SANDBOX_MODEL
from pipeline.sandbox.wire import unknown_model

MODEL: dict[str, Any] = {
    "type": "model",
    "id": SANDBOX_MODEL,
    "display_name": "Sandbox (fixed rules, not a model)",
    "created_at": "1970-01-01T00:00:00Z",
    "lifecycle": "active",
    "line": None,
    "deprecated_at": None,
    "retires_at": None,
    "max_input_tokens": 1_000_000,
    "max_tokens": 64_000,
    "capabilities": None,
}


def listed() -> dict[str, Any]:
    """The only page of the list."""
    return {"data": [MODEL], "has_more": False, "first_id": SANDBOX_MODEL, "last_id": SANDBOX_MODEL}


def retrieved(model: str) -> dict[str, Any]:
    """One model. Raises Rejected if there is none of this id."""
    if model != SANDBOX_MODEL:
        raise unknown_model(model)
    return MODEL
