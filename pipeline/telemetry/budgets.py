"""Gauges of the day's budget and of Message Batches under way, which the store alone knows."""

from __future__ import annotations

from pipeline.telemetry.metric import Kind, Metric

BUDGET = Metric(
    "claude_budget_usd",
    Kind.GAUGE,
    "{USD}",
    "What all runs of the store may spend in one UTC day, in US dollars; absent where no such limit is set.",
    "claude_budget_usd",
)
SPENT = Metric(
    "claude_budget_spent_usd",
    Kind.GAUGE,
    "{USD}",
    "What all runs have spent on the current UTC day and reserved for calls that have not ended, in US dollars.",
    "claude_budget_spent_usd",
)
BATCHES_OPEN = Metric(
    "claude_batches_open",
    Kind.GAUGE,
    "{batch}",
    "Message Batches that are not closed: being filled, under way, or not yet deleted.",
    "claude_batches_open",
)
BATCH_OLDEST = Metric(
    "claude_batch_oldest_timestamp",
    Kind.GAUGE,
    "s",
    "When the oldest batch that is not closed was made, in seconds since 1970; absent where there is none.",
    "claude_batch_oldest_timestamp_seconds",
)
