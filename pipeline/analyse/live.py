"""Fixed workers that pull: a task per verbatim would grow with the input, 1.1 MB per 1000."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pipeline.analyse.policy import MORE_ROOM, UNREACHED, Step, next_step, stop_reason, unreached
from pipeline.analyse.tries import BeforeSending
from pipeline.errors import VerbatimsError
from pipeline.events import TextSent
from pipeline.observer import Observer, RequestSpan
from pipeline.records import Ask, Attempt, Outcome


class Asker(Protocol):
    """Claude, or a fake in a test."""

    async def ask(self, text: str, before_sending: BeforeSending, room: int = 1) -> Attempt:
        """Raises only what `before_sending` raises: whatever comes back is an outcome.

        `room` multiplies `max_tokens`.
        """


class RequestQueue(Protocol):
    """Gives verbatims to send and takes completed requests; backed by the store."""

    async def next(self) -> Ask | None:
        """The next verbatim to send; None when none is left or `stop` was called."""

    async def before_sending(self) -> None:
        """Wait until a request may be sent. Raises VerbatimsError where none may be sent any more."""

    async def commit(self, ask: Ask, attempts: tuple[Attempt, ...], call: RequestSpan, *, final: bool) -> None:
        """Returns once the attempts are on disk, so that a worker never has two answers unsaved.

        `final`: the text is not sent again.
        """

    def stop(self) -> None:
        """Hand out nothing more; what is in flight still ends and is committed."""


async def analyse(work: RequestQueue, claude: Asker, observer: Observer, concurrency: int) -> None:
    """Send everything that `work` hands out, at most `concurrency` verbatims at a time.

    Raises the first error that stops the run (what `policy` gives, what `work` raises), after all calls in flight have
    ended and were committed.
    """
    errors: list[Exception] = []
    health = _Health()

    async def worker() -> None:
        try:
            while (ask := await work.next()) is not None:
                health.note(await _one(ask, work, claude, observer, health))
        except Exception as error:
            errors.append(error)
            work.stop()

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    if error := errors[0] if errors else unreached(health.unanswered):
        raise error


async def _one(ask: Ask, work: RequestQueue, claude: Asker, observer: Observer, health: _Health) -> Attempt:
    """One verbatim, asked as often as the policy says."""
    attempts: list[Attempt] = []
    step = Step.AGAIN
    with observer.call(ask) as call:
        while step in (Step.AGAIN, Step.AGAIN_WITH_MORE_ROOM):
            room = MORE_ROOM if step is Step.AGAIN_WITH_MORE_ROOM else 1
            observer.emit(TextSent(len(ask.text)))
            try:
                attempts.append(await claude.ask(ask.text, work.before_sending, room))
            except VerbatimsError:
                if not attempts:
                    raise
                step = Step.LATER  # the first answer is paid, and the second question may not be sent any more
            else:
                call.answered(attempts[-1])
                step = next_step(attempts, run_has_answers=health.answered)
    await work.commit(ask, tuple(attempts), call, final=step is Step.FINAL)
    return attempts[-1]


class _Health:
    """What all workers together have met."""

    def __init__(self) -> None:
        self._failed_in_a_row = 0
        self.answered = False
        """Whether a good answer came back."""
        self.unanswered: Attempt | None = None
        """The last attempt, if no attempt has reached the API."""
        self._reached = False

    def note(self, last: Attempt) -> None:
        """Raises what stops the run: AccessDenied, RateLimited or TransientError."""
        self.answered |= last.outcome is Outcome.ANALYSED
        self._reached |= last.error not in UNREACHED
        self.unanswered = None if self._reached else last
        self._failed_in_a_row = self._failed_in_a_row + 1 if last.outcome is Outcome.FAILED else 0
        if reason := stop_reason(last, self._failed_in_a_row):
            raise reason
