"""What the dispatcher of the analyse stage and the store hand to each other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.events import VerbatimAnalysed
from pipeline.records import Ask, Attempt

LEASE_S = 60.0
"""How long a process may show no sign of life, while another looks, before that one takes over its claims."""


def boot_clock() -> float:
    """Seconds since the machine started, suspended ones included where the system counts them (Linux)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent, in USD; None: as much as it takes."""

    run_usd: float | None = None
    """By one run, however often it is resumed."""
    day_usd: float | None = None
    """By all runs of the store in one UTC day."""


NO_BUDGET = Budget()


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A text that waits for an answer, or whose request a batch holds."""

    text_id: int
    verbatim_id: str
    text: str
    """Empty where it was erased since."""
    source: str
    request_key: str | None
    """None where no batch holds it."""
    earlier: int
    """How often the same analyser has had an answer to it, in vain."""
    wordless: bool
    """Whether the last of these answers ended before its first word."""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What a claim gave for a page of verbatims."""

    asks: tuple[Ask, ...]
    """Ours to send."""
    waiting: tuple[Ask, ...]
    """The text or an identical request is claimed, by this process or another: look again later."""
    settled: tuple[VerbatimAnalysed, ...]
    """Answered before by an identical request, and committed with this claim."""
    finished: int
    """How many of the page are done: answered, finally failed, settled by another process, or held by a batch."""
    unaffordable: tuple[Ask, ...] = ()
    """Not claimed: the budget has no room for what they may cost. Look again while calls are in flight anywhere."""
    shortage: str | None = None
    """Why nothing more can be asked: the budget is used up, and no call is in flight that could give some back."""


@dataclass(frozen=True, slots=True)
class CompletedRequest:
    """A verbatim that came back from Claude: its attempts in order, and where its trace is."""

    ask: Ask
    attempts: tuple[Attempt, ...]
    trace_id: str | None
    final: bool
    """Whether the last outcome is final where it is no good answer."""


class ClaimStore(Protocol):
    """The claims of one process for one run. Every method blocks on the database."""

    def pending(self, after: int, limit: int) -> list[Unanswered]:
        """The run's next verbatims to analyse behind a text id."""

    def take(self, asks: Sequence[Ask]) -> ClaimResult:
        """Claim what is unclaimed, settle what has an answer, leave the rest waiting. Raises as `renew` does."""

    def unclaimed(self, asks: Sequence[Ask]) -> list[Ask]:
        """Waiting texts whose claims have ended; writes nothing."""

    def commit(self, ended: Sequence[CompletedRequest]) -> list[VerbatimAnalysed | None]:
        """Store ended requests in one transaction and give their claims back.

        For each: what the metrics say of the verbatim, or None where it was analysed before or has no good answer.
        """

    def reserve(self, ask: Ask, usd: float) -> None:
        """Reserve more for a claimed text. Raises BudgetUsedUp where the budget has no room for it."""

    def renew(self) -> None:
        """Show that this process is alive. Raises ClaimsLost where it was taken for dead: it sends nothing more."""

    def release(self, unsent: Sequence[Ask] = ()) -> None:
        """Give back all claims; of those on texts that were never sent also what was reserved."""

    def processes(self) -> int:
        """How many living processes have claims or had them until just now, this one included."""

    def success_ratio(self) -> float | None:
        """Valid answers ÷ ended attempts of the run over all processes; None before the first."""
