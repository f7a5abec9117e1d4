"""What the analyse stage and the store hand to each other of Claude's Message Batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pipeline.claiming import ClaimResult, CompletedRequest, Unanswered
from pipeline.events import VerbatimAnalysed
from pipeline.records import AnalyserRecord, Ask


class BatchState(StrEnum):
    """How far a batch has come. Each state is stored before what it names is done."""

    FILLING = "filling"
    """Texts are claimed for it; nothing was sent."""
    SENDING = "sending"
    """It is being created at Claude's side, or was: whether it exists is not known."""
    SENT = "sent"
    """Claude works on it, or has ended."""
    COLLECTED = "collected"
    """Its results are stored, and it still exists at Claude's side."""
    CLOSED = "closed"
    """It is deleted there, or was never made."""


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that is not closed."""

    batch: str
    """Our own name of it, in each of its custom ids."""
    run_id: str
    analyser: AnalyserRecord
    state: BatchState
    abandoned: bool
    """Whether the process that fills or sends it is gone."""
    claude_id: str | None
    requests: int
    trace_parent: str | None
    made_at: datetime
    sent_at: datetime | None


class BatchStore(Protocol):
    """The batches of one run and analyser. Every method blocks on the database, and may be repeated."""

    def start(self, trace_parent: str | None) -> str:
        """Note a new batch that this process fills; returns its name."""

    def pending(self, after: int, limit: int) -> list[Unanswered]:
        """The run's next texts to analyse behind a text id."""

    def take(self, batch: str, asks: Sequence[Ask]) -> ClaimResult:
        """As `ClaimStore.take`, for the batch."""

    def held(self, batch: str, ids: Collection[int]) -> Mapping[int, Unanswered]:
        """Those of these texts that the batch holds."""

    def beat(self) -> None:
        """Show that this process is alive."""

    def note_sending(self, batch: str, requests: int) -> None:
        """It is about to be created with so many requests. Raises ClaimsLost where it was given back meanwhile."""

    def note_sent(self, batch: str, claude_id: str, worst_usd: float = 0.0) -> bool:
        """It exists under this id; returns False where it was undone meanwhile, by a process that found no such batch.

        Then it is noted anew without its texts, and `worst_usd`, the most that it can cost, is counted as spent.
        """

    def undo(self, batch: str) -> None:
        """It was not created: its texts are free again, and cost nothing. Leaves one alone that is noted as sent."""

    def commit(
        self, batch: str, ended: Sequence[CompletedRequest], ended_at: datetime
    ) -> list[VerbatimAnalysed | None]:
        """As `ClaimStore.commit`. Results of texts that the batch does not hold any more were stored before."""

    def free(self, batch: str, ids: Collection[int] | None = None) -> int:
        """Texts that have no result, all if none are named: they cost nothing and are free; returns how many."""

    def note_collected(self, batch: str) -> bool:
        """All results are stored; returns whether nobody had noted it before."""

    def is_open(self, batch: str) -> bool:
        """Whether nobody has closed it yet."""

    def close(self, batch: str) -> None:
        """It does not exist at Claude's side any more."""

    def success_ratio(self) -> float | None:
        """As `ClaimStore.success_ratio`."""

    def known(self) -> Collection[str]:
        """All ids at Claude's side that belong to batches of this store."""
