"""What happens becomes spans and metrics here, and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    StatusCode,
    TracerProvider,
    format_trace_id,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pipeline.errors import VerbatimsError
from pipeline.events import Event
from pipeline.records import COMMAND_LINE, Ask, Attempt, Outcome, Task
from pipeline.telemetry import catalogue
from pipeline.telemetry.handlers import HANDLERS, Meters
from pipeline.telemetry.instruments import BATCH_SCOPE, SCOPE, Instruments

_W3C = TraceContextTextMapPropagator()
_NO_FAULT = (Outcome.ANALYSED, Outcome.REFUSED)
"""Outcomes that leave a span's status unset. A refusal is an answer: nothing broke, asking again changes nothing, and
whoever searches for errors wants to find what can be mended. It is counted by `claude_calls`."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """The stage that is under way, for the calls inside it."""

    run_id: str
    span: SpanContext
    task: dict[str, str | int]


class TelemetryRequestSpan:
    """One verbatim's span: fulfils `observer.RequestSpan`."""

    def __init__(self, span: Span, instruments: Instruments) -> None:
        self._span = span
        self._instruments = instruments
        self._context = set_span_in_context(span, Context())
        self._trace_id = format_trace_id(span.get_span_context().trace_id) if span.is_recording() else None
        self._attempts: list[Attempt] = []

    @property
    def trace_id(self) -> str | None:
        """32 hex digits, or None where no trace is kept."""
        return self._trace_id

    def answered(self, attempt: Attempt) -> None:
        """Take in one ended attempt; the span says what all of them came to."""
        self._attempts.append(attempt)

    def committed(self, attempt: Attempt) -> None:
        """Record what is said of a call. The span may have ended: its context still leads the exemplar to it."""
        write, context = self._instruments.write, self._context
        write(catalogue.DURATION, attempt.duration_s, context, outcome=attempt.outcome.value)
        write(catalogue.CALLS, 1, context, outcome=attempt.outcome.value)
        write(catalogue.TOKENS, attempt.input_tokens, context, type="input")
        write(catalogue.TOKENS, attempt.output_tokens, context, type="output")
        write(catalogue.COST, attempt.cost_usd, context)
        if attempt.json_error is not None:
            write(catalogue.JSON_ERRORS, 1, context, reason=attempt.json_error.value)
        if attempt.outcome is Outcome.EMPTY:
            write(catalogue.EMPTY_RESPONSES, 1, context)

    def describe(self) -> None:
        """Write onto the span what became of the verbatim: sums over its attempts, and the outcome of the last."""
        if not self._attempts:
            return
        last = self._attempts[-1]
        self._span.set_attributes(
            {
                "verbatims.attempts": len(self._attempts),
                "verbatims.outcome": last.outcome.value,
                "verbatims.model": last.model,
                "verbatims.input_tokens": sum(attempt.input_tokens for attempt in self._attempts),
                "verbatims.output_tokens": sum(attempt.output_tokens for attempt in self._attempts),
                "verbatims.cost_usd": sum(attempt.cost_usd for attempt in self._attempts),
            }
        )
        self._blame(last)

    def _blame(self, last: Attempt) -> None:
        # an unreadable answer that the second attempt made good stays visible
        json_errors = [attempt.json_error.value for attempt in self._attempts if attempt.json_error is not None]
        if json_errors:
            self._span.set_attribute("verbatims.json_error", json_errors[-1])
        if last.error is not None:
            self._span.set_attribute("verbatims.error", last.error)
        if last.outcome not in _NO_FAULT:
            why = last.json_error or last.error
            self._span.set_status(StatusCode.ERROR, f"{last.outcome}: {why}" if why else last.outcome.value)


class TelemetryObserver:
    """Fulfils `observer.Observer`. No span or metric holds a verbatim's text."""

    def __init__(
        self,
        tracer_provider: TracerProvider,
        meter_provider: MeterProvider,
        *,
        task: Task = COMMAND_LINE,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._tracer = tracer_provider.get_tracer(SCOPE)
        self._task = task
        self._instruments = Instruments(meter_provider.get_meter(SCOPE))
        batch = Instruments(meter_provider.get_meter(BATCH_SCOPE), catalogue.BATCH)
        self._meters = Meters(self._instruments, batch, now_ns)
        self._now_ns = now_ns
        self._stage: _Stage | None = None

    def run(self, run_id: str) -> str | None:
        """A span of no length: the stages of other processes hang below it, so that a run is one trace."""
        now = self._now_ns()
        attributes = {"verbatims.run_id": run_id, **self._about_task("run")}
        span = self._tracer.start_span("run", _parent(None), attributes=attributes, start_time=now)
        span.end(now)
        return _traceparent(span)

    @contextmanager
    def stage(self, name: str, run_id: str, trace: str | None = None) -> Iterator[str | None]:
        """A span around the stage, current during it, and its duration."""
        task = self._about_task(name)
        attributes = {"verbatims.run_id": run_id, "verbatims.stage": name, **task}
        began = self._now_ns()
        span = self._tracer.start_span(f"stage {name}", _parent(trace), attributes=attributes, start_time=began)
        outer, self._stage = self._stage, _Stage(run_id, span.get_span_context(), task)
        try:
            with _current(span):
                yield _traceparent(span)
        finally:
            self._stage = outer
            ended = self._now_ns()
            seconds = (ended - began) / 1e9
            self._instruments.write(catalogue.STAGE_DURATION, seconds, set_span_in_context(span), stage=name)
            span.end(ended)

    @contextmanager
    def call(self, ask: Ask) -> Iterator[TelemetryRequestSpan]:
        """A trace of its own for the verbatim: one for a whole run would pass the 5 MB that Tempo takes."""
        span = self._tracer.start_span(
            "analyse verbatim",
            Context(),
            attributes=self._about(ask),
            links=[Link(self._stage.span)] if self._stage and self._stage.span.is_valid else (),
            start_time=self._now_ns(),
        )
        call = TelemetryRequestSpan(span, self._instruments)
        try:
            with _current(span):
                yield call
        finally:
            call.describe()
            span.end(self._now_ns())

    def _about(self, ask: Ask) -> dict[str, str | int]:
        about: dict[str, str | int] = {
            "verbatims.verbatim_id": ask.verbatim_id,
            "verbatims.request_key": ask.request_key,
            "verbatims.characters": len(ask.text),
        }
        return about | ({"verbatims.run_id": self._stage.run_id, **self._stage.task} if self._stage else {})

    def _about_task(self, stage: str) -> dict[str, str | int]:
        return {
            "verbatims.dag_id": self._task.dag_id,
            "verbatims.task_id": self._task.task_id or stage,
            "verbatims.try_number": self._task.try_number,
        }

    def emit(self, event: Event) -> None:
        """Make metrics of an event."""
        HANDLERS[type(event)](self._meters, event)


def _parent(trace: str | None) -> Context | None:
    """The current context if it is traced, else the run's, else none: Airflow, its traces off, runs a task inside a
    valid, unsampled span that nobody will ever find."""
    if get_current_span().get_span_context().trace_flags.sampled:
        return None
    return _W3C.extract({"traceparent": trace} if trace else {}, Context())


def _traceparent(span: Span) -> str | None:
    carrier: dict[str, str] = {}
    if span.is_recording() or span.get_span_context().trace_flags.sampled:
        _W3C.inject(carrier, set_span_in_context(span, Context()))
    return carrier.get("traceparent")


@contextmanager
def _current(span: Span) -> Iterator[None]:
    """Make the span current; an exception marks it by its type, since a message or a stack may quote a verbatim."""
    with use_span(span, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            # our own errors promise to hold neither secret nor verbatim
            span.set_status(StatusCode.ERROR, str(error) if isinstance(error, VerbatimsError) else None)
            raise
