"""What is said of a night: one record for each signal, and the closed set of signals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.records import Sentiment


class Signal(StrEnum):
    """What is watched."""

    MIX = "mix"
    """Shares of the sentiments. The customers may have changed, or the model."""
    GIVEN_STARS = "given_stars"
    """The same against what the customers' stars let expect: only the model may have changed."""
    REFUSAL = "refusal"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    SUMMARY_TOO_LONG = "summary_too_long"
    WRONG_LANGUAGE = "wrong_language"
    QUOTE_TOO_LONG = "quote_too_long"
    NO_TOPIC = "no_topic"
    NEW_TOPIC = "new_topic"
    BASELINE = "baseline"
    SENTINEL = "sentinel"


PAGING = frozenset(Signal) - {Signal.MIX, Signal.NO_TOPIC, Signal.NEW_TOPIC, Signal.BASELINE}
"""Signals that speak of the model alone, the same night. The others are for the morning: customers may have changed, or
four weeks have passed already."""


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
