"""Fixed workers that pull: a task per verbatim would grow with the input, 1.1 MB per 1000."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pipeline.analyse.claude import ACCESS_DENIED
from pipeline.errors import AccessDenied, RateLimited, TransientError
from pipeline.records import INVALID, Ask, Attempt, Observer, Outcome, RequestSpan

OUTAGE = 20
"""So many failed calls in a row, each already retried by the transport, are an outage and no accident."""

LIMITED = "http_429"

MORE_ROOM = 4
"""How much longer the second answer may be where the first one ended before its first word."""


class Asker(Protocol):
    """Claude, or what stands for it in a test."""

    async def ask(self, text: str, room: int = 1) -> Attempt:
        """Raises nothing that can be foreseen: whatever comes back is an outcome. `room` multiplies `max_tokens`."""


class RequestQueue(Protocol):
    """Where verbatims come from and where ended calls go; the store stands behind it."""

    async def next(self) -> Ask | None:
        """The next verbatim to send; None when none is left or somebody asked to stop."""

    async def commit(self, ask: Ask, attempts: tuple[Attempt, ...], call: RequestSpan) -> None:
        """Returns once the attempts are on disk: only then is the worker free again."""

    def stop(self) -> None:
        """Hand out nothing more; what is in flight still ends and is committed."""


async def analyse(work: RequestQueue, claude: Asker, observer: Observer, concurrency: int) -> None:
    """Send everything that `work` hands out, at most `concurrency` verbatims at a time.

    Raises the first error that stops the run (Refused, Stopped, what `work` raises), after all calls in
    flight have ended and were committed.
    """
    errors: list[Exception] = []
    health = _Health()

    async def worker() -> None:
        try:
            while (ask := await work.next()) is not None:
                health.note(await _one(ask, work, claude, observer))
        except Exception as error:
            errors.append(error)
            work.stop()

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    if errors:
        raise errors[0]


async def _one(ask: Ask, work: RequestQueue, claude: Asker, observer: Observer) -> Attempt:
    """One verbatim, asked once, or twice where a second answer may be better."""
    attempts: list[Attempt] = []
    room: int | None = 1
    with observer.call(ask) as call:
        while room is not None:
            observer.sent(len(ask.text))
            attempts.append(await claude.ask(ask.text, room))
            call.answered(attempts[-1])
            room = _room_of_second(attempts[0]) if len(attempts) == 1 else None
    await work.commit(ask, tuple(attempts), call)
    return attempts[-1]


def _room_of_second(first: Attempt) -> int | None:
    """How much room a second try gets; None where there is none.

    An unreadable answer may be readable the second time. One that was cut before its first word has spent all its
    tokens on thinking; one that was cut later would say the same again.
    """
    if first.outcome is Outcome.UNREADABLE:
        return 1
    if first.outcome is Outcome.TRUNCATED and not (first.raw or "").strip():
        return MORE_ROOM
    return None


class _Health:
    """Decides over all workers whether it makes sense to go on asking."""

    def __init__(self) -> None:
        self._failed_in_a_row = 0

    def note(self, attempt: Attempt) -> None:
        """Raises Refused where the caller must change something, Stopped where the API is out."""
        self._failed_in_a_row = self._failed_in_a_row + 1 if attempt.outcome is Outcome.FAILED else 0
        if attempt.error in ACCESS_DENIED:
            raise AccessDenied(
                f"Claude's API answered {attempt.error[5:]}: {ACCESS_DENIED[attempt.error]} ({attempt.model})"
            )
        if self._failed_in_a_row < OUTAGE:
            return
        if attempt.error in INVALID:
            raise AccessDenied(
                f"{OUTAGE} requests in a row were invalid: "
                "check VERBATIMS_MODEL, VERBATIMS_MAX_TOKENS and VERBATIMS_THINKING"
            )
        if attempt.error == LIMITED:
            raise RateLimited(f"{OUTAGE} calls in a row met Claude's rate limit: wait, or lower VERBATIMS_CONCURRENCY")
        raise TransientError(f"Claude's API is out: {OUTAGE} calls in a row failed, the last with {attempt.error}")
