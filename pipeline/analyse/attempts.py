"""One attempt: the same request, until an answer comes or the policy gives up."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.analyse.pacing import Pacer
from pipeline.analyse.policy import UNREACHED, pause_before_retry
from pipeline.analyse.tries import Try, combine
from pipeline.errors import VerbatimsError
from pipeline.events import TextSent
from pipeline.observer import Observer
from pipeline.records import Ask, Attempt


class Asker(Protocol):
    """Claude, or a fake in a test."""

    def worst_usd(self, text: str, room: int = 1) -> float:
        """The most that one try can cost."""

    async def send(self, text: str, room: int = 1) -> Try:
        """Send one request; whatever comes back is an outcome. `room` multiplies `max_tokens`."""


class Permit(Protocol):
    """Says whether a request may be sent; backed by the store."""

    async def before_sending(self, ask: Ask, more_usd: float = 0.0) -> None:
        """Wait until a request may be sent, and reserve what it may cost beyond what is reserved for the verbatim.

        Raises VerbatimsError where none may be sent any more.
        """

    async def pause(self, seconds: float) -> bool:
        """Wait; returns True, at once, where nothing new is to be sent."""


class Attempts:
    """Makes the attempts of one process."""

    def __init__(self, claude: Asker, permit: Permit, pacer: Pacer, observer: Observer, patience_s: float) -> None:
        """One request is repeated for `patience_s` at most."""
        self._claude = claude
        self._permit = permit
        self._pacer = pacer
        self._observer = observer
        self._patience_s = patience_s
        self._reached = False
        """Whether anything has answered."""

    async def make(self, ask: Ask, room: int, *, again: bool) -> Attempt | None:
        """Try until an answer comes or the policy gives up; None where nothing was sent, since the work is stopped.

        `again`: the verbatim has had an attempt, whose cost is known and not reserved any more. Raises what
        `before_sending` raises before the first try; before another one that is what ends the attempt.
        """
        made = _Made()
        more_usd = self._claude.worst_usd(ask.text, room) if again else 0.0
        while await self._try(ask, room, more_usd, made):
            pause = self._pause(made)
            if pause is None or await self._permit.pause(pause):
                break
            more_usd = self._claude.worst_usd(ask.text, room) if made.tries[-1].maybe_paid else 0.0
        return made.attempt(self._claude.worst_usd(ask.text, room)) if made.tries else None

    async def _try(self, ask: Ask, room: int, more_usd: float, made: _Made) -> bool:
        """Send one request when it is its turn; False where it may not be sent."""
        waits_from = time.perf_counter()
        expected, waited_s = await self._pacer.leave(len(ask.text), self._permit.pause)
        made.waited_s += waited_s
        if expected is None:
            return False
        try:
            await self._permit.before_sending(ask, more_usd)
        except VerbatimsError:
            self._pacer.withdrawn(expected, len(ask.text))
            if not made.tries:
                raise
            return False
        if made.tries:
            made.held_s += time.perf_counter() - waits_from
        elif room == 1:
            self._observer.emit(TextSent(len(ask.text)))
        ended = await self._claude.send(ask.text, room)
        self._pacer.ended(expected, len(ask.text), ended)
        made.tries.append(ended)
        self._reached |= ended.attempt.error not in UNREACHED
        return True

    def _pause(self, made: _Made) -> float | None:
        """Seconds before the next try; None: no other."""
        last = made.tries[-1]
        if last.attempt.error is None:
            return None
        return pause_before_retry(
            [one.attempt.error or "" for one in made.tries],
            elapsed_s=time.perf_counter() - made.tries[0].began - made.held_s,
            patience_s=self._patience_s,
            reached=self._reached,
            retry_after_s=last.retry_after_s,
            draw=random.random(),
        )


@dataclass
class _Made:
    """The tries of one attempt so far."""

    tries: list[Try] = field(default_factory=list)
    waited_s: float = 0.0
    """For the pace."""
    held_s: float = 0.0
    """Since the first try, for the pace and for the store."""

    def attempt(self, worst_usd: float) -> Attempt:
        """All of them as one; `worst_usd`: the most that one of them can cost."""
        maybe_usd = worst_usd * sum(one.maybe_paid for one in self.tries)
        return combine(self.tries, waited_s=self.waited_s, held_s=self.held_s, maybe_usd=maybe_usd)
