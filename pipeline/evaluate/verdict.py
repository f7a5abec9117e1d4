"""What is said of a night: one record for each signal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.records import Sentiment, Signal

PAGING = frozenset(Signal) - {Signal.MIX, Signal.NO_TOPIC, Signal.NEW_TOPIC, Signal.BASELINE}
"""Signals that speak of the model alone, the same night. Their false alarms are counted as pages, though those of
contract breaches only warn. The others are for the morning: customers may have changed, or four weeks have passed
already."""


class State(StrEnum):
    """Whether a verdict says anything."""

    READY = "ready"
    NOT_ENOUGH = "not_enough"
    """Too few nights or answers: neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one signal says. The numbers are None where there is not enough."""

    signal: Signal
    sentiment: Sentiment | None
    """Whose share it is; None for signals that have one share only."""
    state: State
    score: float | None = None
    """The distance as a part of the limit: 1 is the limit, more alarms."""
    share: float | None = None
    """Observed; 0 to 1."""
    expected: float | None = None
    """By the reference; 0 to 1."""

    @property
    def alarms(self) -> bool:
        """Whether the limit is exceeded."""
        return self.score is not None and self.score > 1

    @property
    def pages(self) -> bool:
        """Whether somebody is to be told at once."""
        return self.alarms and self.signal in PAGING
