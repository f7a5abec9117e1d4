"""Attempts for the telemetry tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.records import Analysis, Attempt, Outcome, Sentiment


@pytest.fixture
def attempt() -> Callable[..., Attempt]:
    def attempt(outcome: Outcome = Outcome.ANALYSED, duration_s: float = 1.5, **more: Any) -> Attempt:
        analysis = Analysis("Résumé.", Sentiment.POSITIVE, (), ()) if outcome is Outcome.ANALYSED else None
        defaults = {"input_tokens": 100, "output_tokens": 20, "cost_usd": 0.25, "analysis": analysis}
        sent_at = datetime(2026, 1, 1, tzinfo=UTC)
        return Attempt(outcome, "claude-haiku-5-5", sent_at, duration_s, **{**defaults, **more})

    return attempt
