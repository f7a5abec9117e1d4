"""Every metric, once: its name, unit and labels. Nothing else in the project spells a metric's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

from pipeline.records import JsonError, Length, LoadError, Outcome, Sentiment, SkipReason, Stage

BATCH_OUTCOMES = ("analysed", "from_cache", "skipped", "failed", "pending")
"""What a batch says of the run's verbatims, each of them every time: the Pushgateway replaces whole families."""

DURATION_BOUNDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds. The objective, p95 under 8 s, is a bound itself; floats, since `le="1"` and `le="1.0"` are two series."""

STAGE_BOUNDS = (0.1, 1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""Seconds. From a stage with nothing to do to a night's work."""


class Kind(StrEnum):
    """The OpenTelemetry instrument."""

    COUNTER = "counter"
    UP_DOWN_COUNTER = "up_down_counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One line of the catalogue."""

    name: str
    """What OpenTelemetry calls it."""
    kind: Kind
    unit: str
    """UCUM. In braces it leaves the Prometheus name alone; `s` appends `_seconds`."""
    description: str
    prometheus_name: str
    """What Prometheus stores, the same by the Collector and by the exporter; a test holds it."""
    attributes: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    """Label → its known values, or None where the values are only known once seen (`source`)."""
    bounds: tuple[float, ...] = ()
    """Of a histogram, in its unit."""

    @property
    def open_labels(self) -> frozenset[str]:
        """The labels whose values are only known once seen."""
        return frozenset(label for label, values in self.attributes.items() if values is None)

    def known(self, **seen: str) -> list[dict[str, str]]:
        """Every combination of known label values, given one value for each open label; none if one is missing."""
        choices = [values or (seen[label],) for label, values in self.attributes.items() if values or label in seen]
        if len(choices) < len(self.attributes):
            return []
        return [dict(zip(self.attributes, values, strict=True)) for values in product(*choices)]


def _values(words: type[StrEnum]) -> tuple[str, ...]:
    return tuple(word.value for word in words)


ANALYZED = Metric(
    "verbatims_analyzed",
    Kind.COUNTER,
    "{verbatim}",
    "Verbatims whose analysis was committed for the first time, paid or shared with an identical text.",
    "verbatims_analyzed_total",
    {"source": None, "sentiment": _values(Sentiment)},
)
SKIPPED = Metric(
    "verbatims_skipped",
    Kind.COUNTER,
    "{verbatim}",
    "Verbatims put aside before any call, by reason; an id read twice in one run is no second verbatim.",
    "verbatims_skipped_total",
    {"source": None, "reason": _values(SkipReason)},
)
DURATION = Metric(
    "verbatim_analysis_duration",
    Kind.HISTOGRAM,
    "s",
    "From the request sent to the answer validated, for each ended attempt, the transport's retries included.",
    "verbatim_analysis_duration_seconds",
    {"outcome": _values(Outcome)},
    DURATION_BOUNDS,
)
JSON_ERRORS = Metric(
    "errors_json",
    Kind.COUNTER,
    "{error}",
    "Answers that broke the contract, by what was wrong.",
    "errors_json_total",
    {"reason": _values(JsonError)},
)
EMPTY_RESPONSES = Metric(
    "claude_response_empty",
    Kind.COUNTER,
    "{response}",
    "Answers without any content.",
    "claude_response_empty_total",
)
CURRENT_SIZE = Metric(
    "current_verbatim_size",
    Kind.GAUGE,
    "{character}",
    "Masked characters of the verbatim last sent.",
    "current_verbatim_size",
)
LENGTHS = Metric(
    "verbatims_by_length_bucket",
    # a Counter would become …_bucket_total
    Kind.UP_DOWN_COUNTER,
    "{verbatim}",
    "Verbatims analysed, by length: short under 100 characters, medium under 500, long from there on.",
    "verbatims_by_length_bucket",
    {"length": _values(Length)},
)
NEW_TOPICS = Metric(
    "new_topics_detected",
    Kind.COUNTER,
    "{topic}",
    "Themes outside the reference base that analyses named.",
    "new_topics_detected_total",
)
LOAD_ERRORS = Metric(
    "bq_insert_errors",
    Kind.COUNTER,
    "{error}",
    "Rows or load jobs that did not reach the warehouse.",
    "bq_insert_errors_total",
    {"reason": _values(LoadError)},
)
SUCCESS_RATIO = Metric(
    "claude_call_success_ratio",
    Kind.GAUGE,
    "1",
    "Attempts answered with a valid contract, out of the attempts ended, 0 to 1.",
    "claude_call_success_ratio",
)

CALLS = Metric(
    "claude_calls",
    Kind.COUNTER,
    "{call}",
    "Ended attempts, by outcome.",
    "claude_calls_total",
    {"outcome": _values(Outcome)},
)
TOKENS = Metric(
    "claude_tokens",
    Kind.COUNTER,
    "{token}",
    "Tokens paid; the input counts what was read from and written to the prompt cache.",
    "claude_tokens_total",
    {"type": ("input", "output")},
)
COST = Metric(
    # the currency stands in the name: the unit `USD` would make it claude_cost_USD_total
    "claude_cost_usd",
    Kind.COUNTER,
    "{USD}",
    "What the attempts cost, in US dollars.",
    "claude_cost_usd_total",
)
STAGE_DURATION = Metric(
    "stage_duration",
    Kind.HISTOGRAM,
    "s",
    "How long a stage took, from its start to its end or its failure.",
    "stage_duration_seconds",
    {"stage": ("run", *_values(Stage))},
    STAGE_BOUNDS,
)

TEN = (
    ANALYZED,
    SKIPPED,
    DURATION,
    JSON_ERRORS,
    EMPTY_RESPONSES,
    CURRENT_SIZE,
    LENGTHS,
    NEW_TOPICS,
    LOAD_ERRORS,
    SUCCESS_RATIO,
)
"""The ten whose names, kinds and units are a contract."""

METRICS = (*TEN, CALLS, TOKENS, COST, STAGE_DURATION)
"""Everything that is measured."""

_GROUP: Mapping[str, tuple[str, ...] | None] = {"dag_id": None, "task_id": None}

BATCH_LAST_SUCCESS = Metric(
    "batch_last_success_timestamp",
    Kind.GAUGE,
    "s",
    "When the task last came to its end, in seconds since 1970.",
    "batch_last_success_timestamp_seconds",
    _GROUP,
)
BATCH_DURATION = Metric(
    "batch_duration",
    Kind.GAUGE,
    "s",
    "How long the task took, last time.",
    "batch_duration_seconds",
    _GROUP,
)
BATCH_VERBATIMS = Metric(
    "batch_verbatims",
    Kind.GAUGE,
    "{verbatim}",
    "The run's verbatims when the task ended, by what had become of them.",
    "batch_verbatims",
    {**_GROUP, "outcome": BATCH_OUTCOMES},
)
BATCH_COST = Metric(
    "batch_cost_usd",
    Kind.GAUGE,
    "{USD}",
    "What the run's calls had cost when the analyse task ended, in US dollars; 0 for the other tasks.",
    "batch_cost_usd",
    _GROUP,
)
BATCH_ERRORS = Metric(
    "batch_errors",
    Kind.GAUGE,
    "{error}",
    "Failed records and refused rows of the run when the task ended, and 1 more if it did not come to its end.",
    "batch_errors",
    _GROUP,
)
BATCH_TRY = Metric(
    "batch_try",
    Kind.GAUGE,
    "{try}",
    "Which try of the task this was; 1 outside Airflow.",
    "batch_try",
    _GROUP,
)

BATCH = (BATCH_LAST_SUCCESS, BATCH_DURATION, BATCH_VERBATIMS, BATCH_COST, BATCH_ERRORS, BATCH_TRY)
"""What a task leaves in the Pushgateway, in a scope of its own."""
