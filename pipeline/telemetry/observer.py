"""Turns what the stages report into spans and metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    format_trace_id,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from pipeline.errors import VerbatimsError
from pipeline.events import Event
from pipeline.records import COMMAND_LINE, Ask, Attempt, Outcome, Task
from pipeline.telemetry import catalogue, claude, gen_ai
from pipeline.telemetry.handlers import HANDLERS, Meters
from pipeline.telemetry.instruments import BATCH_SCOPE, SCOPE, Instruments

SCHEMA_URL = Schemas.V1_44_0.value
"""Which semantic conventions the spans follow. Not on metrics: the Collector makes it part of a series' identity."""

_W3C = TraceContextTextMapPropagator()
_NOT_ERRORS = (Outcome.ANALYSED, Outcome.REFUSED)
"""Outcomes that leave a span's status unset.

A refusal is a valid answer that a retry does not change; a search for errors should find what can be fixed.
`claude_calls` counts refusals.
"""


@dataclass(frozen=True, slots=True)
class _Stage:
    """The current stage, to which the spans of its calls refer."""

    run_id: str
    span: SpanContext
    task: dict[str, str | int]


class TelemetryRequestSpan:
    """The span of one verbatim, and one inside it for each attempt; implements `observer.RequestSpan`."""

    def __init__(self, span: Span, tracer: Tracer, instruments: Instruments, source: str, *, live: bool = True) -> None:
        """`live`: asked one by one, so that its duration is that of a call."""
        self._span = span
        self._source = source
        self._live = live
        self._tracer = tracer
        self._instruments = instruments
        # kept for `committed`, which runs after the span has ended
        self._context = set_span_in_context(span, Context())
        self._trace_id = format_trace_id(span.get_span_context().trace_id) if span.is_recording() else None
        self._attempts: list[Attempt] = []

    @property
    def trace_id(self) -> str | None:
        """32 hex digits, or None if no trace is kept."""
        return self._trace_id

    def answered(self, attempt: Attempt) -> None:
        """Add one ended attempt, which has a span of its own; `describe` sums up all of them.

        So has each of its tries, if there were several.
        """
        self._attempts.append(attempt)
        number, attributes = len(self._attempts), gen_ai.span_attributes(attempt)
        said: dict[str, AttributeValue] = {
            "verbatims.attempt": number,
            "verbatims.outcome": attempt.outcome.value,
            "verbatims.model": attempt.model,
            "verbatims.waited_s": attempt.waited_s,
        }
        context = self._add_span("attempt", self._context, attempt, attributes | said)
        for count, one in enumerate(attempt.tries, 1):
            self._add_span("try", context, one, {"verbatims.attempt": number, "verbatims.try": count})

    def _add_span(
        self, name: str, parent: Context, attempt: Attempt, attributes: Mapping[str, AttributeValue]
    ) -> Context:
        """One that has ended; returns its context."""
        started = int(attempt.sent_at.timestamp() * 1e9)
        # a request of a batch is no call that we wait for
        kind = SpanKind.CLIENT if self._live else SpanKind.INTERNAL
        span = self._tracer.start_span(name, parent, kind, attributes, start_time=started)
        _set_error(span, attempt)
        span.end(started + int(attempt.duration_s * 1e9))
        return set_span_in_context(span, parent)

    def committed(self, attempt: Attempt) -> None:
        """Write the metrics of one attempt, with an exemplar that leads to this span even after it has ended."""
        write, context = self._instruments.write, self._context
        if self._live:
            write(catalogue.DURATION, attempt.duration_s, context, outcome=attempt.outcome.value)
        write(catalogue.CALLS, 1, context, outcome=attempt.outcome.value)
        write(catalogue.TOKENS, attempt.input_tokens, context, source=self._source, type="input")
        write(catalogue.TOKENS, attempt.output_tokens, context, source=self._source, type="output")
        write(catalogue.CACHED_TOKENS, attempt.cached_tokens or 0, context)
        write(catalogue.THINKING_TOKENS, attempt.thinking_tokens or 0, context)
        write(catalogue.COST, attempt.cost_usd, context, source=self._source)
        for kind, usd in (("input", attempt.input_usd), ("output", attempt.cost_usd - attempt.input_usd)):
            write(catalogue.MODEL_COST, max(usd, 0.0), context, model=attempt.model, type=kind)
        self._write_errors(attempt)
        self._write_gen_ai(attempt)
        if attempt.json_error is not None:
            write(catalogue.JSON_ERRORS, 1, context, reason=attempt.json_error.value)
        if attempt.outcome is Outcome.EMPTY:
            write(catalogue.EMPTY_RESPONSES, 1, context)

    def _write_errors(self, attempt: Attempt) -> None:
        write, context = self._instruments.write, self._context
        for error in attempt.retried:
            write(catalogue.RETRIES, 1, context, reason=catalogue.RetryReason.of(error).value)
        last = () if attempt.error is None else (attempt.error,)
        for error in (*attempt.retried, *last):
            write(claude.TRY_ERRORS, 1, context, error=claude.error_label(error))

    def _write_gen_ai(self, attempt: Attempt) -> None:
        write, context, labels = self._instruments.write, self._context, gen_ai.labels(attempt)
        failed = {gen_ai.ERROR_TYPE: gen_ai.error_type(attempt)} if attempt.outcome not in _NOT_ERRORS else {}
        if self._live:
            write(gen_ai.OPERATION_DURATION, attempt.duration_s, context, **labels, **failed)
        for kind, tokens in (("input", attempt.input_tokens), ("output", attempt.output_tokens)):
            if tokens:  # a call without an answer has used none that anybody knows of
                write(gen_ai.TOKEN_USAGE, tokens, context, **labels, **{gen_ai.TOKEN_TYPE: kind})

    def describe(self) -> None:
        """Set the span's attributes: sums over all attempts, and the outcome of the last."""
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
                "verbatims.waited_s": sum(attempt.waited_s for attempt in self._attempts),
                "verbatims.cost_usd": sum(attempt.cost_usd for attempt in self._attempts),
            }
        )
        self._set_errors(last)

    def _set_errors(self, last: Attempt) -> None:
        # an unreadable answer stays visible even if the second attempt succeeded
        json_errors = [attempt.json_error.value for attempt in self._attempts if attempt.json_error is not None]
        if json_errors:
            self._span.set_attribute("verbatims.json_error", json_errors[-1])
        if retried := [error for attempt in self._attempts for error in attempt.retried]:
            self._span.set_attribute("verbatims.retried", retried)
        if last.refusal is not None:
            self._span.set_attribute("verbatims.refusal", last.refusal)
        if last.error is not None:
            self._span.set_attribute("verbatims.error", last.error)
        _set_error(self._span, last)


def _set_error(span: Span, attempt: Attempt) -> None:
    if attempt.outcome not in _NOT_ERRORS:
        span.set_attribute(gen_ai.ERROR_TYPE, gen_ai.error_type(attempt))
        reason = attempt.json_error or attempt.error
        span.set_status(StatusCode.ERROR, f"{attempt.outcome}: {reason}" if reason else attempt.outcome.value)


class TelemetryObserver:
    """Implements `observer.Observer`. No span or metric contains a verbatim's text."""

    def __init__(
        self,
        tracer_provider: TracerProvider,
        meter_provider: MeterProvider,
        *,
        task: Task = COMMAND_LINE,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._tracer = tracer_provider.get_tracer(SCOPE, schema_url=SCHEMA_URL)
        self._task = task
        self._instruments = Instruments(meter_provider.get_meter(SCOPE))
        batch = Instruments(meter_provider.get_meter(BATCH_SCOPE), catalogue.BATCH)
        self._meters = Meters(self._instruments, batch, now_ns)
        self._now_ns = now_ns
        self._stage: _Stage | None = None

    def run(self, run_id: str) -> str | None:
        """Write a span of zero length, the parent of stages in other processes, so that a run is one trace."""
        # zero length, since no process lives as long as the run: each stage is an Airflow task
        now = self._now_ns()
        attributes = {"verbatims.run_id": run_id, **self._task_attributes("run")}
        span = self._tracer.start_span("run", _parent(None), attributes=attributes, start_time=now)
        span.end(now)
        return _traceparent(span)

    @contextmanager
    def stage(self, name: str, run_id: str, trace: str | None = None) -> Iterator[str | None]:
        """Open a span around the stage, make it current, and record the stage's duration."""
        task = self._task_attributes(name)
        attributes = {"verbatims.run_id": run_id, "verbatims.stage": name, **task}
        started = self._now_ns()
        span = self._tracer.start_span(f"stage {name}", _parent(trace), attributes=attributes, start_time=started)
        outer, self._stage = self._stage, _Stage(run_id, span.get_span_context(), task)
        try:
            with _current(span):
                yield _traceparent(span)
        finally:
            self._stage = outer
            ended = self._now_ns()
            seconds = (ended - started) / 1e9
            self._instruments.write(catalogue.STAGE_DURATION, seconds, set_span_in_context(span), stage=name)
            span.end(ended)

    @contextmanager
    def call(self, ask: Ask, batch: str | None = None) -> Iterator[TelemetryRequestSpan]:
        """Open a new trace for the verbatim: Tempo refuses traces over 5 MB, and one trace of a whole run is larger."""
        span = self._tracer.start_span(
            "analyse verbatim",
            Context(),
            attributes=self._attributes(ask),
            # links, not a parent, lead from the verbatim's trace to its stage and its batch
            links=self._links(batch),
            start_time=self._now_ns(),
        )
        # before the call and not after it: a scrape in between sees the 0
        self._instruments.start_source(ask.source)
        call = TelemetryRequestSpan(span, self._tracer, self._instruments, ask.source, live=batch is None)
        try:
            with _current(span):
                yield call
        finally:
            call.describe()
            span.end(self._now_ns())

    def batch(self) -> str | None:
        """Write a span of zero length, since no process lives as long as a batch: its verbatims' spans link to it."""
        now = self._now_ns()
        attributes = {"verbatims.run_id": self._stage.run_id, **self._stage.task} if self._stage else {}
        span = self._tracer.start_span("batch", attributes=attributes, start_time=now)
        span.end(now)
        return _traceparent(span)

    def _links(self, batch: str | None) -> list[Link]:
        spans = [self._stage.span] if self._stage else []
        if batch:
            spans.append(get_current_span(_W3C.extract({"traceparent": batch}, Context())).get_span_context())
        return [Link(span) for span in spans if span.is_valid]

    def _attributes(self, ask: Ask) -> dict[str, str | int]:
        attributes: dict[str, str | int] = {
            "verbatims.verbatim_id": ask.verbatim_id,
            "verbatims.request_key": ask.request_key,
            "verbatims.characters": len(ask.text),
        }
        return attributes | ({"verbatims.run_id": self._stage.run_id, **self._stage.task} if self._stage else {})

    def _task_attributes(self, stage: str) -> dict[str, str | int]:
        return {
            "verbatims.dag_id": self._task.dag_id,
            "verbatims.task_id": self._task.task_id or stage,
            "verbatims.try_number": self._task.try_number,
        }

    def together(self) -> AbstractContextManager[None]:
        """As `Observer` says."""
        return self._instruments.together()

    def emit(self, event: Event) -> None:
        """Write the metrics of an event."""
        HANDLERS[type(event)](self._meters, event)


def _parent(trace: str | None) -> Context | None:
    """A stage's parent context: None (the current span) if that span is sampled, else the run's, else an empty one."""
    # with its traces off, Airflow runs a task inside a valid but unsampled span, which is never exported
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
    """Make the span current, and set its status if an exception passes."""
    # the SDK's own recording is off: a message or a stack trace may quote a verbatim
    with use_span(span, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            # our own errors never contain a secret or a verbatim
            span.set_status(StatusCode.ERROR, str(error) if isinstance(error, VerbatimsError) else None)
            raise
