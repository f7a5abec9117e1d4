"""The interface between the stages and telemetry: spans around stages and requests, events for everything else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from pipeline.events import Event
from pipeline.records import Ask, Attempt


class RequestSpan(Protocol):
    """The span around all attempts for one verbatim."""

    @property
    def trace_id(self) -> str | None:
        """32 hex digits, or None if no trace is kept."""

    def answered(self, attempt: Attempt) -> None:
        """Called inside the span's context for each ended attempt."""

    def committed(self, attempt: Attempt) -> None:
        """Called when the attempt is in the store, possibly after the context has closed."""


class Observer(Protocol):
    """Receives what happens and turns it into spans and metrics. No method may raise."""

    def run(self, run_id: str) -> str | None:
        """Start a run whose stages are separate processes; returns the W3C traceparent that they share, if any."""

    def stage(self, name: str, run_id: str, trace: str | None = None) -> AbstractContextManager[str | None]:
        """Open for the duration of one stage, or of the whole run; yields its traceparent.

        `trace` is the run's traceparent, the parent of a stage outside of any sampled span.
        """

    def call(self, ask: Ask, batch: str | None = None) -> AbstractContextManager[RequestSpan]:
        """Open around all attempts for one verbatim, whose span is the current one meanwhile.

        `batch`: the traceparent of the batch that they were part of; their durations say nothing of a call then.
        """

    def batch(self) -> str | None:
        """Note that a batch begins; returns the traceparent that its verbatims link to, if any."""

    def together(self) -> AbstractContextManager[None]:
        """Open around what becomes known at one time, as by a group's commit: writing it costs less."""

    def emit(self, event: Event) -> None:
        """Report an event."""
