"""Figures about calls to Claude: how long they took, what they cost, what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from pipeline.report import charts
from pipeline.report.bins import moment
from pipeline.report.facts import LEAST_WAIT_S, Facts
from pipeline.report.figure import Cell, Figure
from pipeline.report.palette import ARRIVED, LOST, PUT_ASIDE
from pipeline.report.words import Words
from pipeline.store import CallShown

TraceLink = Callable[[str], str]
"""Trace id → its address."""


def latency(facts: Facts, w: Words) -> Figure:
    """How long calls took over time."""
    calls = Counter[int]()
    for _, bucket, number in facts.latency:
        calls[bucket] += number
    seconds = {f"{bound:g}": w.seconds(bound) for bound in facts.bounds}
    chart = charts.calls_over_time(_circles(facts, w), _triangles(facts, w), facts.bounds, seconds, facts.span_s)
    return Figure(
        "latency",
        w("latency"),
        w("latency_said", span=w.span(facts.span_s)),
        [w("duration"), w("calls"), w("share")],
        [(_bucket(facts, n, w), w.number(calls[n]), w.share(calls[n], calls.total())) for n in sorted(calls)],
        empty=w("why_no_call"),
        chart=chart if calls else None,
        numbers=frozenset({1, 2}),
    )


def slow_calls(facts: Facts, w: Words, trace_link: TraceLink | None) -> Figure:
    """The slowest attempts, to which the triangles lead."""
    return _listed("slow-calls", w("slow_calls"), "call", facts.slow_calls, w, trace_link)


def failed_calls(facts: Facts, w: Words, trace_link: TraceLink | None) -> Figure:
    """The latest attempts without a valid answer."""
    return _listed("failed-calls", w("failed_calls"), "failed", facts.failed_calls, w, trace_link)


def costs(facts: Facts, w: Words, budget_usd: float | None) -> Figure:
    """By model and outcome."""
    rows = [
        (
            one.model,
            w.known("outcome_", one.outcome),
            *map(w.number, (one.calls, one.input_tokens, one.cached_tokens, one.output_tokens, one.thinking_tokens)),
            w.usd(one.cost_usd),
        )
        for one in facts.paid
    ]
    columns = ("model", "outcome", "calls", "input_tokens", "cached_tokens", "output_tokens", "thinking_tokens", "cost")
    return Figure(
        "costs",
        w("costs"),
        " ".join((w("costs_said"), *_more_of_costs(facts, w, budget_usd))),
        [w(name).capitalize() if name == "cost" else w(name) for name in columns],
        rows,
        empty=w("why_no_call"),
        numbers=frozenset(range(2, len(columns))),
    )


def _more_of_costs(facts: Facts, w: Words, budget_usd: float | None) -> Iterator[str]:
    if analysed := facts.counts.analysed:
        yield w("per_thousand", cost=w.usd(1000 * facts.counts.cost_usd / analysed))
    if facts.waited_s >= LEAST_WAIT_S:
        yield w("waited", seconds=w.seconds(round(facts.waited_s, 1)))
    if budget_usd is not None:
        day, left = w.day(moment(facts.run.started_at)), max(budget_usd - facts.day_usd, 0.0)
        yield w("budget_left", left=w.usd(left), budget=w.usd(budget_usd), day=day)


def recent(facts: Facts, w: Words) -> Figure:
    """What the latest runs have cost."""
    marks = [
        {
            "label": f"{'▸ ' if one.run_id == facts.run.run_id else ''}{w.instant(moment(one.started_at))[:-3]}",
            "value": one.cost_usd,
            "colour": ARRIVED if one.run_id == facts.run.run_id else PUT_ASIDE,
            "said": w("cost_said", name=one.run_id, cost=w.usd(one.cost_usd), calls=w.counted("calls", one.calls)),
        }
        for one in facts.recent
    ]
    return Figure(
        "recent",
        w("recent"),
        w("recent_said"),
        [w("run"), w("began"), w("calls"), w("cost").capitalize()],
        [
            (Cell(one.run_id, code=True), w.instant(moment(one.started_at)), w.number(one.calls), w.usd(one.cost_usd))
            for one in facts.recent
        ],
        # no currency in the format: the French one would make it euros
        chart=charts.bars(marks, ".3~g", unit="$"),
        numbers=frozenset({2, 3}),
    )


def failures(facts: Facts, w: Words) -> Figure:
    """By kind, each with what to do."""
    return Figure(
        "failures",
        w("failures"),
        w("failures_said", records=w.counted("records", sum(n for _, _, n in facts.failures)), run=facts.run.run_id),
        [w("outcome"), w("reason"), w("number"), w("what_to_do")],
        [
            (w.known("outcome_", outcome), w.known("", detail or "–"), w.number(number), w(f"do_{outcome}"))
            for outcome, detail, number in facts.failures
        ],
        empty=w("no_failures"),
        numbers=frozenset({2}),
        coded=True,
    )


def failed_records(facts: Facts, w: Words, trace_link: TraceLink | None) -> Figure:
    """The first of them, by their place."""
    return Figure(
        "failed-records",
        w("failed_records"),
        "",
        [w("record"), w("source"), w("outcome"), w("reason"), w("trace")],
        [
            (
                w.number(one.position),
                one.source or "–",
                w.known("outcome_", one.outcome),
                one.detail or "–",
                _trace(one.trace_id, trace_link),
            )
            for one in facts.failed_records
        ],
        empty=w("no_failures"),
        numbers=frozenset({0}),
    )


def _listed(
    id: str, title: str, anchor: str, calls: Sequence[CallShown], w: Words, trace_link: TraceLink | None
) -> Figure:
    columns = ("call", "sent", "duration", "outcome", "reason", "retried", "tokens", "cost", "trace")
    return Figure(
        id,
        title,
        w("trace_said"),
        [w(name).capitalize() if name == "cost" else w(name) for name in columns],
        [_call(number, one, w, trace_link) for number, one in enumerate(calls, start=1)],
        empty=w("why_no_call") if id == "slow-calls" else w("none").capitalize(),
        numbers=frozenset({0, 2, 7}),
        row_ids=[f"{anchor}-{number}" for number in range(1, len(calls) + 1)],
    )


def _call(number: int, call: CallShown, w: Words, trace_link: TraceLink | None) -> tuple[str | Cell, ...]:
    return (
        str(number),
        w.instant(moment(call.sent_at)),
        w.seconds(call.duration_s),
        w.known("outcome_", call.outcome),
        call.reason or "–",
        call.retried or "–",
        " / ".join(map(w.number, (call.input_tokens, call.cached_tokens or 0, call.output_tokens))),
        w.usd(call.cost_usd),
        _trace(call.trace_id, trace_link),
    )


def _trace(trace_id: str | None, link: TraceLink | None) -> Cell:
    if not trace_id:
        return Cell("–")
    return Cell(trace_id, href=link(trace_id) if link else None, code=True)


def _circles(facts: Facts, w: Words) -> Iterator[dict[str, Any]]:
    for start, bucket, number in facts.latency:
        when = datetime.fromisoformat(start)
        said = w(
            "circle_said", when=w.instant(when), bucket=_bucket(facts, bucket, w), calls=w.counted("calls", number)
        )
        middle = when.timestamp() + facts.span_s / 2
        yield {
            "at": middle * 1000,
            "duration_s": _middle(facts, bucket),
            "calls": number,
            "colour": ARRIVED,
            "said": said,
        }


def _triangles(facts: Facts, w: Words) -> Iterator[dict[str, Any]]:
    for number, call in enumerate(facts.slow_calls, start=1):
        sent = moment(call.sent_at)
        said = w("triangle_said", number=number, duration=w.seconds(call.duration_s), when=w.instant(sent))
        at = sent.timestamp() * 1000
        duration_s = max(call.duration_s, facts.bounds[0] / 2)
        yield {"at": at, "duration_s": duration_s, "link": f"#call-{number}", "colour": LOST, "said": said}


def _middle(facts: Facts, bucket: int) -> float:
    """Where a bucket is drawn: the geometric middle, since the axis is logarithmic."""
    low = facts.bounds[bucket - 1] if bucket else facts.bounds[0] / 2
    high = facts.bounds[bucket] if bucket < len(facts.bounds) else facts.bounds[-1] * 2
    return float((low * high) ** 0.5)


def _bucket(facts: Facts, bucket: int, w: Words) -> str:
    if bucket == 0:
        return w("bucket_first", high=w.seconds(facts.bounds[0]))
    if bucket == len(facts.bounds):
        return w("bucket_last", low=w.seconds(facts.bounds[-1]))
    return w("bucket", low=w.seconds(facts.bounds[bucket - 1]), high=w.seconds(facts.bounds[bucket]))
