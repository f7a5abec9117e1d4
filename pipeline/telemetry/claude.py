"""Metrics of what requests to Claude meet: the rate limits, and errors."""

from __future__ import annotations

from pipeline.telemetry.metric import Kind, Metric

_STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)
OTHER = "other"
ERRORS = (
    *(f"http_{status}" for status in _STATUSES),
    "ramp_limit_exceeded",
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable",
    "organization_on_hold",
    "timeout",
    "connection",
    "bad_response",
    OTHER,
)
"""The errors of a try, as an attempt names them. A closed set: a gateway may answer with any status."""


def error_label(error: str) -> str:
    """An error of a try, or `other` where it is not one of ERRORS."""
    return error if error in ERRORS else OTHER


RATE_LIMIT = Metric(
    "claude_rate_limit_per_minute",
    Kind.GAUGE,
    # `/min` would append the minute to the name once more
    "{request_or_token}",
    "What Claude allows in a minute, as the headers of the latest answer state it; absent before the first answer.",
    "claude_rate_limit_per_minute",
    {"kind": ("requests", "input_tokens", "output_tokens")},
)

TRY_ERRORS = Metric(
    "claude_try_errors",
    Kind.COUNTER,
    "{request}",
    "Requests that failed, each try of an attempt and each request of a batch, by error.",
    "claude_try_errors_total",
    {"error": ERRORS},
)

METRICS = (RATE_LIMIT, TRY_ERRORS)
"""Those that a running process exports."""
