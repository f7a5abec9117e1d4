"""Metrics of what requests to Claude meet: the rate limits."""

from __future__ import annotations

from pipeline.telemetry.metric import Kind, Metric

RATE_LIMIT = Metric(
    "claude_rate_limit_per_minute",
    Kind.GAUGE,
    # `/min` would append the minute to the name once more
    "{request_or_token}",
    "What Claude allows in a minute, as the headers of the latest answer state it; absent before the first answer.",
    "claude_rate_limit_per_minute",
    {"kind": ("requests", "input_tokens", "output_tokens")},
)

METRICS = (RATE_LIMIT,)
"""Those that a running process exports."""
