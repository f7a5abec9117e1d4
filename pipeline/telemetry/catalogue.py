"""Every metric: its name, kind, unit and labels. No other file repeats a metric's name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pipeline.records import JsonError, Length, LoadError, Outcome, Sentiment, SkipReason, Stage
from pipeline.telemetry import budgets, claude, gen_ai
from pipeline.telemetry.metric import Kind, Metric
from pipeline.telemetry.model import MODEL

ENVIRONMENT = "deployment.environment.name"
"""The resource attribute that tells sandbox and prod apart; the Collector and the forwarder make a label of it."""

ENVIRONMENT_LABEL = "deployment_environment_name"
"""Its name as a label in Prometheus."""


def _values(enum: type[StrEnum]) -> tuple[str, ...]:
    return tuple(member.value for member in enum)


class RetryReason(StrEnum):
    """What made a process send a request again; a closed set, unlike the errors it stands for."""

    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    OTHER = "other"

    @classmethod
    def of(cls, error: str) -> RetryReason:
        """The class of an error as an attempt names it, such as `http_529`."""
        named = {"http_429": cls.RATE_LIMITED, "ramp_limit_exceeded": cls.RATE_LIMITED, "http_529": cls.OVERLOADED}
        if error.startswith("http_5"):
            return named.get(error, cls.SERVER_ERROR)
        return named.get(error) or (cls(error) if error in _values(cls) else cls.OTHER)


BATCH_OUTCOMES = ("analysed", "from_cache", "skipped", "failed", "pending")
"""The outcomes that every task reports, also those with 0: the Pushgateway replaces whole families."""

DURATION_BOUNDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds. The objective is p95 under 8 s, so 8 is a bound: the share below it is exact.

Floats, since `le="1"` and `le="1.0"` are two series.
"""

STAGE_BOUNDS = (0.1, 1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""Seconds. From a stage without work to four hours, a whole night's analysis."""

TURNAROUND_BOUNDS = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 57600.0, 86400.0)
"""Seconds. Most batches end within an hour; after a day they expire."""


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
    "From the request sent to the answer validated, for each ended attempt: with retries, without waits for the limit.",
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
    "Masked characters of the verbatim last sent; of the process that reported last.",
    "current_verbatim_size",
)
LENGTHS = Metric(
    "verbatims_by_length_bucket",
    # the name is a contract, and a Counter would export it as …_bucket_total
    Kind.UP_DOWN_COUNTER,
    "{verbatim}",
    "Verbatims analysed, by length: short under 100 characters, medium under 500, long from there on. "
    "A gauge to Prometheus, which has no start: sum it, and do not use increase().",
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
    # the Collector appends `_ratio` to a gauge with unit 1, unless the name already ends with it
    "1",
    "Attempts answered with a valid contract, out of the attempts ended in the latest run, 0 to 1.",
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
    "Tokens paid, by source; the input counts what was read from and written to the prompt cache.",
    "claude_tokens_total",
    {"source": None, "type": ("input", "output")},
)
COST = Metric(
    # the currency is in the name, since the unit `USD` would make it claude_cost_USD_total
    "claude_cost_usd",
    Kind.COUNTER,
    "{USD}",
    "What the attempts cost, by source, in US dollars; an answer shared by two sources is the first one's.",
    "claude_cost_usd_total",
    {"source": None},
)
MODEL_COST = Metric(
    "claude_model_cost_usd",
    Kind.COUNTER,
    "{USD}",
    "What the attempts cost, by model and kind of token, in US dollars; in all as much as claude_cost_usd_total.",
    "claude_model_cost_usd_total",
    {"model": None, "type": ("input", "output")},
)
CACHED_TOKENS = Metric(
    "claude_cached_tokens",
    Kind.COUNTER,
    "{token}",
    "Of the input tokens paid, those read from the prompt cache.",
    "claude_cached_tokens_total",
)
THINKING_TOKENS = Metric(
    "claude_thinking_tokens",
    Kind.COUNTER,
    "{token}",
    "Of the output tokens paid, those spent on thinking; 0 where the model does not say.",
    "claude_thinking_tokens_total",
)
RETRIES = Metric(
    "claude_retries",
    Kind.COUNTER,
    "{retry}",
    "Requests that were sent again within an attempt, by what had gone wrong before.",
    "claude_retries_total",
    {"reason": _values(RetryReason)},
)
HELD_BACK = Metric(
    "claude_held_back",
    Kind.COUNTER,
    "s",
    "Seconds in which a process sent nothing, though a text was ready, so that Claude's rate limit is kept.",
    "claude_held_back_seconds_total",
)
BATCH_TURNAROUND = Metric(
    "claude_batch_turnaround",
    Kind.HISTOGRAM,
    "s",
    "From the creation of a Message Batch to its end; its verbatims are in no other histogram of durations.",
    "claude_batch_turnaround_seconds",
    {},
    TURNAROUND_BOUNDS,
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
"""The ten metrics whose names, kinds and units are a contract."""

METRICS = (
    *TEN,
    CALLS,
    TOKENS,
    COST,
    MODEL_COST,
    CACHED_TOKENS,
    THINKING_TOKENS,
    RETRIES,
    HELD_BACK,
    BATCH_TURNAROUND,
    STAGE_DURATION,
    *claude.METRICS,
    gen_ai.OPERATION_DURATION,
    gen_ai.TOKEN_USAGE,
)
"""All metrics that a running process exports."""

TOPICS = Metric(
    "topics_named",
    Kind.COUNTER,
    "{verbatim}",
    "Analysed verbatims that name a topic of the reference base, by topic; a verbatim may name several.",
    "topics_named_total",
    {"topic": None},
)
LANGUAGES = Metric(
    "verbatims_by_language",
    Kind.COUNTER,
    "{verbatim}",
    "Verbatims analysed, by language (ISO 639-1); unknown where neither source nor text tells.",
    "verbatims_by_language_total",
    {"language": None},
)
DEAD_LETTERS = Metric(
    "dead_letters",
    Kind.GAUGE,
    "{row}",
    "Rows that the warehouse has refused and not taken since.",
    "dead_letters",
)
PENDING = Metric(
    "pending_verbatims",
    Kind.GAUGE,
    "{verbatim}",
    "Verbatims that are worth a call and have no outcome yet.",
    "pending_verbatims",
)
DISK_FREE = Metric("disk_free", Kind.GAUGE, "By", "Free bytes of the disk that volumes are on.", "disk_free_bytes")
DISK_SIZE = Metric("disk_size", Kind.GAUGE, "By", "Bytes of the disk that volumes are on.", "disk_size_bytes")

BUDGETS = (budgets.BUDGET, budgets.SPENT, budgets.BATCHES_OPEN, budgets.BATCH_OLDEST)
STORE_ONLY = (CALLS, TOKENS, COST, TOPICS, LANGUAGES, DEAD_LETTERS, PENDING, *BUDGETS, DISK_FREE, DISK_SIZE, *MODEL)
"""What the exporter serves beside the ten."""

# no run id or instance: the Pushgateway never expires a group
_GROUP: Mapping[str, tuple[str, ...] | None] = {"dag_id": None, "task_id": None}

BATCH_LAST_SUCCESS = Metric(
    "batch_last_success_timestamp",
    Kind.GAUGE,
    "s",
    "When the task last came to its end, in seconds since 1970.",
    "batch_last_success_timestamp_seconds",
    _GROUP,
)
BATCH_SUCCEEDED = Metric(
    "batch_succeeded",
    Kind.GAUGE,
    "{task}",
    "1 if the task's last try came to its end, 0 if it failed.",
    "batch_succeeded",
    _GROUP,
)
# a gauge, not a histogram: the Pushgateway keeps one value for each task, its last
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

BATCH_WARNINGS = Metric(
    "batch_check_warnings",
    Kind.GAUGE,
    "{warning}",
    "Warnings of the checks of the warehouse, by publish alone.",
    "batch_check_warnings",
    _GROUP,
)
BATCH_NEXT_START = Metric(
    "batch_next_start_timestamp",
    Kind.GAUGE,
    "s",
    "When the schedule next starts the DAG, in seconds since 1970; by the publish of a current day alone.",
    "batch_next_start_timestamp_seconds",
    _GROUP,
)
BATCH_DEADLINE = Metric(
    "batch_deadline_timestamp",
    Kind.GAUGE,
    "s",
    "By when the DAG's next publish has to succeed, in seconds since 1970; by the publish of a current day alone.",
    "batch_deadline_timestamp_seconds",
    _GROUP,
)

BATCH = (
    BATCH_LAST_SUCCESS,
    BATCH_SUCCEEDED,
    BATCH_DURATION,
    BATCH_VERBATIMS,
    BATCH_COST,
    BATCH_ERRORS,
    BATCH_TRY,
    BATCH_WARNINGS,
    BATCH_NEXT_START,
    BATCH_DEADLINE,
)
"""The metrics that a task pushes to the Pushgateway, in their own scope."""
