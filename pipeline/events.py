"""What happens while a run goes on, as records: stages and the dispatcher emit them, telemetry makes metrics of them.

A new metric is a line in the catalogue and in a handler of `telemetry/handlers.py`; a new event is a class here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.records import LoadError, Sentiment, SkipReason


@dataclass(frozen=True, slots=True)
class TextSent:
    """A text leaves for Claude."""

    characters: int
    """Masked ones."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A process has sent nothing for a while, so that Claude's rate limit is kept."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RateLimitsStated:
    """An answer of Claude's has said how much may be asked of it."""

    per_minute: Mapping[str, int]
    """`requests`, `input_tokens` or `output_tokens` → the limit; without those that it does not state."""


@dataclass(frozen=True, slots=True)
class VerbatimAnalysed:
    """A verbatim's analysis was committed for the first time."""

    source: str
    sentiment: Sentiment
    characters: int
    new_topics: int


@dataclass(frozen=True, slots=True)
class VerbatimSkipped:
    """A verbatim was put aside for the first time."""

    source: str
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """A row or a load job did not reach the warehouse."""

    reason: LoadError


@dataclass(frozen=True, slots=True)
class BatchCollected:
    """The results of a batch are stored."""

    turnaround_s: float
    """From its creation to its end, both at Claude's side."""


@dataclass(frozen=True, slots=True)
class SuccessRatioRead:
    """Attempts with a valid contract ÷ attempts ended, over the current run in all processes."""

    ratio: float


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task came to its end, or was stopped: it stays in the Pushgateway until the next one."""

    dag_id: str
    task_id: str
    try_number: int
    succeeded: bool
    duration_s: float
    verbatims: Mapping[str, int]
    """Outcome → how many of the run's verbatims had it when the task ended."""
    cost_usd: float
    """Of the run's calls so far, said by analyse alone; 0 elsewhere."""
    errors: int
    check_warnings: int | None = None
    """Of the warehouse's checks; None for a task that runs none."""
    next_start: datetime | None = None
    deadline: datetime | None = None
    """When the schedule starts the DAG again, and by when it then has to be published; None where nothing follows."""


Event = (
    TextSent
    | HeldBack
    | RateLimitsStated
    | VerbatimAnalysed
    | VerbatimSkipped
    | LoadFailed
    | BatchCollected
    | SuccessRatioRead
    | TaskEnded
)
