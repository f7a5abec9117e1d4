"""Fixed workers that pull: a task per verbatim would grow with the input, 1.1 MB per 1000."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pipeline.analyse.attempts import Asker, Attempts, Permit
from pipeline.analyse.pace import Pace
from pipeline.analyse.pacing import Pacer
from pipeline.analyse.policy import UNREACHED, Breaker, Step, fatal, first_room, next_step, unreached
from pipeline.errors import VerbatimsError
from pipeline.observer import Observer, RequestSpan
from pipeline.records import Ask, Attempt, Outcome


class RequestQueue(Permit, Protocol):
    """Gives verbatims to send and takes completed requests; backed by the store."""

    @property
    def processes(self) -> int:
        """How many processes ask at present, this one included."""

    async def next(self) -> Ask | None:
        """The next verbatim to send; None when none is left or `stop` was called."""

    async def commit(self, ask: Ask, attempts: tuple[Attempt, ...], call: RequestSpan, *, final: bool) -> None:
        """Hands the attempts to the store. Returns once they are on disk, or at once while few are on their way.

        `final`: the text is not sent again.
        """

    async def all_committed(self) -> None:
        """Returns once all attempts are on disk. Raises what a commit has failed with."""

    def stop(self) -> None:
        """Hand out nothing more; what is in flight still ends and is committed."""


async def analyse(
    work: RequestQueue, claude: Asker, observer: Observer, concurrency: int, patience_s: float = 0.0
) -> None:
    """Send everything that `work` hands out, at most `concurrency` verbatims at a time.

    One request is repeated for `patience_s` at most. Raises the first error that stops the run (what `policy` gives,
    what `work` raises), after all calls in flight have ended and were committed.
    """
    errors: list[Exception] = []
    pacer = Pacer(Pace(), observer, lambda: work.processes)
    verbatims = _Verbatims(work, Attempts(claude, work, pacer, observer, patience_s), observer)

    async def worker() -> None:
        try:
            while (ask := await work.next()) is not None:
                await verbatims.ask(ask)
        except Exception as error:
            errors.append(error)
            work.stop()

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    try:
        await work.all_committed()
    except Exception as lost:
        errors.append(lost)
    if error := errors[0] if errors else unreached(verbatims.unanswered):
        raise error


class _Verbatims:
    """Asks one verbatim after another, and remembers how the last ones went."""

    def __init__(self, work: RequestQueue, attempts: Attempts, observer: Observer) -> None:
        self._work = work
        self._attempts = attempts
        self._observer = observer
        self._breaker = Breaker()
        self._answered = False
        """Whether a good answer came back."""
        self._reached = False
        self.unanswered: Attempt | None = None
        """The last attempt, if no attempt has reached the API."""

    async def ask(self, ask: Ask) -> None:
        """One verbatim, asked as often as the policy says. Raises what stops the run, once its attempts are stored."""
        attempts: list[Attempt] = []
        step = Step.AGAIN_WITH_MORE_ROOM if ask.wordless else Step.AGAIN
        with self._observer.call(ask) as call:
            while step in (Step.AGAIN, Step.AGAIN_WITH_MORE_ROOM):
                room = first_room(wordless=step is Step.AGAIN_WITH_MORE_ROOM)
                step = await self._attempt(ask, room, attempts, call)
        if attempts:
            await self._work.commit(ask, tuple(attempts), call, final=step is Step.FINAL)
            self._note(attempts[-1])

    async def _attempt(self, ask: Ask, room: int, attempts: list[Attempt], call: RequestSpan) -> Step:
        """Add one more attempt, if it may be sent; returns what follows."""
        try:
            attempt = await self._attempts.make(ask, room, again=bool(attempts))
        except VerbatimsError:
            if not attempts:
                raise
            attempt = None  # the first answer is paid, and the second question may not be sent any more
        if attempt is None:
            return Step.LATER
        attempts.append(attempt)
        call.answered(attempt)
        return next_step(attempts, run_has_answers=self._answered, earlier=ask.earlier)

    def _note(self, last: Attempt) -> None:
        """Raises what stops the run."""
        self._answered |= last.outcome is Outcome.ANALYSED
        self._reached |= last.error not in UNREACHED
        self.unanswered = None if self._reached else last
        tripped = self._breaker.note(last)
        if reason := fatal(last.error, last.model) or tripped:
            raise reason
