"""Fixed workers that pull: a task per verbatim would grow with the input, 1.1 MB per 1000."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pipeline.analyse.claude import TURNED_AWAY
from pipeline.errors import Limited, Refused, Stopped
from pipeline.records import INVALID, Ask, Attempt, Call, Observer, Outcome

OUTAGE = 20
"""So many failed calls in a row, each already retried by the transport, are an outage and no accident."""

LIMITED = "http_429"


class Asker(Protocol):
    """Claude, or what stands for it in a test."""

    async def ask(self, text: str) -> Attempt:
        """Raises nothing that can be foreseen: whatever comes back is an outcome."""


class Work(Protocol):
    """Where verbatims come from and where ended calls go; the store stands behind it."""

    async def next(self) -> Ask | None:
        """The next verbatim to send; None when none is left or somebody asked to stop."""

    async def commit(self, ask: Ask, attempts: tuple[Attempt, ...], call: Call) -> None:
        """Returns once the attempts are on disk: only then is the worker free again."""

    def stop(self) -> None:
        """Hand out nothing more; what is in flight still ends and is committed."""


async def analyse(work: Work, claude: Asker, observer: Observer, concurrency: int) -> None:
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


async def _one(ask: Ask, work: Work, claude: Asker, observer: Observer) -> Attempt:
    """One verbatim; an unreadable answer is asked for once more, and no oftener."""
    attempts: list[Attempt] = []
    with observer.call(ask) as call:
        while not attempts or (attempts[-1].outcome is Outcome.UNREADABLE and len(attempts) == 1):
            observer.sent(len(ask.text))
            attempts.append(await claude.ask(ask.text))
            call.answered(attempts[-1])
    await work.commit(ask, tuple(attempts), call)
    return attempts[-1]


class _Health:
    """Decides over all workers whether it makes sense to go on asking."""

    def __init__(self) -> None:
        self._failed_in_a_row = 0

    def note(self, attempt: Attempt) -> None:
        """Raises Refused where the caller must change something, Stopped where the API is out."""
        self._failed_in_a_row = self._failed_in_a_row + 1 if attempt.outcome is Outcome.FAILED else 0
        if attempt.error in TURNED_AWAY:
            raise Refused(f"Claude's API answered {attempt.error[5:]}: {TURNED_AWAY[attempt.error]} ({attempt.model})")
        if self._failed_in_a_row < OUTAGE:
            return
        if attempt.error in INVALID:
            raise Refused(f"{OUTAGE} requests in a row were invalid: check VERBATIMS_MODEL and VERBATIMS_MAX_TOKENS")
        if attempt.error == LIMITED:
            raise Limited(f"{OUTAGE} calls in a row met Claude's rate limit: wait, or lower VERBATIMS_CONCURRENCY")
        raise Stopped(f"Claude's API is out: {OUTAGE} calls in a row failed, the last with {attempt.error}")
