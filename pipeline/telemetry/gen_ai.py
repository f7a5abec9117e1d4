"""The client metrics of OpenTelemetry's semantic conventions for generative AI: names, labels and bounds.

They stand beside our own, for dashboards that know the conventions. These still change (1.44): no alert uses them.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.util.types import AttributeValue

from pipeline.records import Attempt
from pipeline.telemetry.metric import Kind, Metric

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
TOKEN_TYPE = "gen_ai.token.type"
ERROR_TYPE = "error.type"

_COMMON: Mapping[str, tuple[str, ...] | None] = {OPERATION: ("chat",), PROVIDER: ("anthropic",), REQUEST_MODEL: None}

OPERATION_DURATION = Metric(
    "gen_ai.client.operation.duration",
    Kind.HISTOGRAM,
    "s",
    "The same duration as verbatim_analysis_duration, by the name of the semantic conventions.",
    "gen_ai_client_operation_duration_seconds",
    {**_COMMON, ERROR_TYPE: None},
    (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)
TOKEN_USAGE = Metric(
    "gen_ai.client.token.usage",
    Kind.HISTOGRAM,
    "{token}",
    "Tokens of each ended attempt, by the name of the semantic conventions.",
    "gen_ai_client_token_usage",
    {**_COMMON, TOKEN_TYPE: ("input", "output")},
    tuple(float(4**power) for power in range(14)),
)


def span_attributes(attempt: Attempt) -> dict[str, AttributeValue]:
    """What the conventions say of a call; the content of messages is never among it."""
    said = {
        **labels(attempt),
        "gen_ai.usage.input_tokens": attempt.input_tokens or None,
        "gen_ai.usage.output_tokens": attempt.output_tokens or None,
        "gen_ai.usage.cache_read.input_tokens": attempt.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": attempt.thinking_tokens,
        "anthropic.request.id": attempt.request_id,
    }
    return {name: value for name, value in said.items() if value is not None}


def labels(attempt: Attempt) -> dict[str, str]:
    """The labels that both metrics share."""
    return {OPERATION: "chat", PROVIDER: "anthropic", REQUEST_MODEL: attempt.model}


def error_type(attempt: Attempt) -> str:
    """What went wrong, most exactly: how the answer broke the contract, the API's error, or the outcome."""
    return str(attempt.json_error or attempt.error or attempt.outcome)
