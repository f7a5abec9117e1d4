"""The seam between the work and whoever watches it: spans around stages and requests, events for everything else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from pipeline.events import Event
from pipeline.records import Ask, Attempt


class RequestSpan(Protocol):
    """One verbatim on its way to Claude and back, as the observer sees it."""

    @property
    def trace_id(self) -> str | None:
        """32 hex digits, or None where no trace is kept."""

    def answered(self, attempt: Attempt) -> None:
        """Called inside the call's context, for each attempt that ended."""

    def committed(self, attempt: Attempt) -> None:
        """Called once the attempt is in the store; may come after the context has closed."""


class Observer(Protocol):
    """Told what happens; makes spans and metrics of it. Nothing here may raise."""

    def run(self, run_id: str) -> str | None:
        """A run begins whose stages are processes of their own: the W3C traceparent that they share, if any."""

    def stage(self, name: str, run_id: str, trace: str | None = None) -> AbstractContextManager[str | None]:
        """Around one stage, or around all of them (run); gives its traceparent.

        `trace` is the traceparent of the run, for a stage that nothing traced surrounds.
        """

    def call(self, ask: Ask) -> AbstractContextManager[RequestSpan]:
        """Around all attempts for one verbatim: its span is current while Claude answers."""

    def emit(self, event: Event) -> None:
        """Something happened."""
