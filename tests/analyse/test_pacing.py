"""What a process says of the pace that it keeps."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

from pipeline.analyse.pace import KINDS, Limit, Pace
from pipeline.analyse.pacing import Pacer
from pipeline.analyse.tries import Try
from pipeline.events import Event, RateLimitsStated
from pipeline.records import Attempt, Outcome
from pipeline.telemetry.claude import RATE_LIMIT


class Told:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


def told_of(*tries: Try) -> list[Event]:
    """What is said of requests that end like these."""

    async def run(observer: Any) -> None:
        minutes = itertools.count(0.0, 60.0)
        pacer = Pacer(Pace(), observer, lambda: 1, clock=lambda: next(minutes))
        for each in tries:
            expected, _ = await pacer.leave(10, lambda _: asyncio.sleep(0, result=True))
            assert expected is not None
            pacer.ended(expected, 10, each)

    told = Told()
    asyncio.run(run(told))
    return told.events


def ended(limits: dict[str, Limit], error: str | None = None) -> Try:
    outcome = Outcome.FAILED if error else Outcome.ANALYSED
    return Try(Attempt(outcome, "m", datetime.now(UTC), 1.0, error=error), 0.0, limits)


def test_each_answer_that_states_limits_tells_them_an_error_too() -> None:
    first = {"requests": Limit(50, 49), "output_tokens": Limit(8000, 0)}
    assert told_of(ended(first), ended({}), ended({"requests": Limit(60, 59)}, "http_529")) == [
        RateLimitsStated({"requests": 50, "output_tokens": 8000}),
        RateLimitsStated({"requests": 60}),
    ]


def test_the_metric_has_every_kind_of_limit_that_the_pace_knows() -> None:
    assert RATE_LIMIT.attributes["kind"] == KINDS
