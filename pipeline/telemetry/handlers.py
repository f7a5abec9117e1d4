"""Turns events into metrics: one handler for each event class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from pipeline.events import (
    BatchCollected,
    Event,
    HeldBack,
    LoadFailed,
    RateLimitsStated,
    SuccessRatioRead,
    TaskEnded,
    TextSent,
    VerbatimAnalysed,
    VerbatimSkipped,
)
from pipeline.records import Length
from pipeline.telemetry import catalogue, claude
from pipeline.telemetry.instruments import Instruments


class Meters(NamedTuple):
    """The instruments that handlers write to, and the clock."""

    live: Instruments
    batch: Instruments
    now_ns: Callable[[], int]


def _text_sent(meters: Meters, event: TextSent) -> None:
    meters.live.write(catalogue.CURRENT_SIZE, event.characters)


def _held_back(meters: Meters, event: HeldBack) -> None:
    meters.live.write(catalogue.HELD_BACK, event.seconds)


def _rate_limits_stated(meters: Meters, event: RateLimitsStated) -> None:
    for kind, limit in event.per_minute.items():
        meters.live.write(claude.RATE_LIMIT, limit, kind=kind)


def _verbatim_analysed(meters: Meters, event: VerbatimAnalysed) -> None:
    meters.live.start_source(event.source)
    meters.live.write(catalogue.ANALYZED, 1, source=event.source, sentiment=event.sentiment.value)
    meters.live.write(catalogue.LENGTHS, 1, length=Length.of(event.characters).value)
    meters.live.write(catalogue.NEW_TOPICS, event.new_topics)


def _verbatim_skipped(meters: Meters, event: VerbatimSkipped) -> None:
    meters.live.start_source(event.source)
    meters.live.write(catalogue.SKIPPED, 1, source=event.source, reason=event.reason.value)


def _load_failed(meters: Meters, event: LoadFailed) -> None:
    meters.live.write(catalogue.LOAD_ERRORS, 1, reason=event.reason.value)


def _batch_collected(meters: Meters, event: BatchCollected) -> None:
    meters.live.write(catalogue.BATCH_TURNAROUND, event.turnaround_s)


def _success_ratio_read(meters: Meters, event: SuccessRatioRead) -> None:
    meters.live.write(catalogue.SUCCESS_RATIO, event.ratio)


def _task_ended(meters: Meters, event: TaskEnded) -> None:
    """Write the batch metrics; a failed task leaves the time of the last success unchanged."""
    write = partial(meters.batch.write, dag_id=event.dag_id, task_id=event.task_id)
    if event.succeeded:
        write(catalogue.BATCH_LAST_SUCCESS, meters.now_ns() / 1e9)
    write(catalogue.BATCH_SUCCEEDED, int(event.succeeded))
    write(catalogue.BATCH_DURATION, event.duration_s)
    # every outcome, zeros too: the Pushgateway replaces the whole family, and a missing outcome would vanish
    for outcome in catalogue.BATCH_OUTCOMES:
        write(catalogue.BATCH_VERBATIMS, event.verbatims.get(outcome, 0), outcome=outcome)
    write(catalogue.BATCH_COST, event.cost_usd)
    write(catalogue.BATCH_ERRORS, event.errors)
    write(catalogue.BATCH_TRY, event.try_number)
    if event.check_warnings is not None:
        write(catalogue.BATCH_WARNINGS, event.check_warnings)
    # the time of the next night stays as it was where the task failed, or where the day was one gone by
    if event.succeeded and event.next_start and event.deadline:
        write(catalogue.BATCH_NEXT_START, event.next_start.timestamp())
        write(catalogue.BATCH_DEADLINE, event.deadline.timestamp())


HANDLERS: Mapping[type[Event], Callable[[Meters, Any], None]] = {
    TextSent: _text_sent,
    HeldBack: _held_back,
    RateLimitsStated: _rate_limits_stated,
    VerbatimAnalysed: _verbatim_analysed,
    VerbatimSkipped: _verbatim_skipped,
    LoadFailed: _load_failed,
    BatchCollected: _batch_collected,
    SuccessRatioRead: _success_ratio_read,
    TaskEnded: _task_ended,
}
