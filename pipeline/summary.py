"""The end of a run for a person: what happened to each verbatim, the ten metrics, where the rows are, what next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.run import Result
from pipeline.settings import SANDBOX_PRICED_AS, Settings
from pipeline.store import StoreTotals
from pipeline.telemetry import TEN, Metric, Reading
from pipeline.telemetry import catalogue as c
from pipeline.words import called

NEVER = "–"
"""Shown where there is no value yet; 0 is a value."""


def as_json(result: Result, settings: Settings) -> dict[str, Any]:
    """The object that `run --json` prints. The counts of records add up to `scraped`; USD and seconds."""
    counts = result.counts
    return {
        "run_id": result.run_id,
        "sandbox": settings.sandbox,
        "scraped": counts.scraped,
        "skipped": counts.skipped,
        "analysed": counts.analysed,
        "from_cache": counts.from_cache,
        "failed": counts.failed,
        "loaded": result.loaded,
        "calls": counts.calls,
        "input_tokens": counts.input_tokens,
        "output_tokens": counts.output_tokens,
        "cost_usd": round(counts.cost_usd, 6),
        "duration_s": round(result.duration_s, 3),
    }


def show(
    console: Console, result: Result, settings: Settings, readings: Iterable[Reading], totals: StoreTotals, rows: str
) -> None:
    """Print the closing summary."""
    console.print()
    console.print(_records(result))
    console.print(_paid(result, settings), markup=False, highlight=False, soft_wrap=True)
    console.print()
    console.print(_metrics(readings, totals))
    console.print(
        f"\nThe rows: {result.loaded} of this run are in {rows}", markup=False, highlight=False, soft_wrap=True
    )
    console.print(_next(settings, bool(result.counts.failed)), markup=False, highlight=False, soft_wrap=True)


def _records(result: Result) -> Table:
    counts = result.counts
    table = Table(title=f"Run {result.run_id}: {counts.scraped} verbatims", title_justify="left", box=None)
    table.add_column("what happened")
    table.add_column("verbatims", justify="right")
    table.add_row("analysed, newly paid", str(counts.analysed))
    table.add_row("answered before, or by an identical text", str(counts.from_cache))
    for reason, number in counts.skipped.items():
        table.add_row(f"skipped: {reason.replace('_', ' ')}", str(number))
    for outcome, number in counts.failed.items():
        table.add_row(f"failed: {outcome.replace('_', ' ')}", str(number))
    return table


def _paid(result: Result, settings: Settings) -> str:
    counts = result.counts
    cost = f"${counts.cost_usd:.4f}"
    if settings.sandbox:
        cost += f" at the prices of {SANDBOX_PRICED_AS}, not billed: the sandbox answered"
    tokens = f"{counts.input_tokens:,} tokens in and {counts.output_tokens:,} out"
    return f"{counts.calls} calls, {tokens}, {cost}; {result.duration_s:.1f} s"


def _metrics(readings: Iterable[Reading], totals: StoreTotals) -> Table:
    live: dict[Metric, dict[tuple[str, ...], Any]] = {metric: {} for metric in TEN}
    for reading in readings:
        if reading.metric in live:
            live[reading.metric][tuple(reading.labels.values())] = reading.value
    ever = _ever(totals)
    table = Table(title="The ten metrics, of this run and since the first", title_justify="left", box=None)
    table.add_column("name", no_wrap=True)
    table.add_column("this run", justify="right", no_wrap=True)
    table.add_column("ever", justify="right", no_wrap=True)
    table.add_column("of which")
    for metric in TEN:
        table.add_row(
            metric.prometheus_name, _total(metric, live[metric]), _total(metric, ever[metric]), _parts(ever[metric])
        )
    return table


def _ever(totals: StoreTotals) -> dict[Metric, Mapping[Any, Any]]:
    size, ratio = totals.last_size(), totals.success_ratio()
    return {
        c.ANALYZED: totals.analysed(),
        c.SKIPPED: totals.skipped(),
        c.DURATION: totals.durations(),
        c.JSON_ERRORS: totals.json_errors(),
        c.EMPTY_RESPONSES: {(): totals.empty_responses()},
        c.CURRENT_SIZE: {} if size is None else {(): size},
        c.LENGTHS: totals.lengths(),
        c.NEW_TOPICS: {(): totals.new_topics()},
        c.LOAD_ERRORS: totals.load_errors(),
        c.SUCCESS_RATIO: {} if ratio is None else {(): ratio},
    }


def _total(metric: Metric, values: Mapping[Any, Any]) -> str:
    if metric is c.DURATION:
        calls = sum(count for count, _ in values.values())
        seconds = sum(total for _, total in values.values())
        return f"{calls} × {seconds / calls:.3f} s" if calls else NEVER
    if metric is c.SUCCESS_RATIO:
        return f"{100 * next(iter(values.values())):.1f} %" if values else NEVER
    if metric is c.CURRENT_SIZE:
        return f"{next(iter(values.values())):.0f}" if values else NEVER
    return f"{sum(values.values()):.0f}"


def _parts(values: Mapping[Any, Any]) -> str:
    """Each label's share, sources added up."""
    parts: dict[str, float] = {}
    for labels, value in values.items():
        name = labels[-1] if isinstance(labels, tuple) and labels else labels
        number = value[0] if isinstance(value, tuple) else value
        if name and number:
            parts[str(name)] = parts.get(str(name), 0) + number
    return " · ".join(f"{name.replace('_', ' ')} {number:.0f}" for name, number in sorted(parts.items()))


def _next(settings: Settings, failed: bool) -> str:
    me = called()
    file = settings.warehouse_url.removeprefix("sqlite:///")
    query = "SELECT * FROM sentiment_by_week_v1"
    first = (
        f"{me} failed          # which records failed, and why"
        if failed
        else (f"{me} run --input reviews.csv     # the same for a file of yours")
    )
    return "\n".join(
        (
            "\nNext:",
            f"  python3 -c \"import sqlite3; print(*sqlite3.connect('{file}').execute('{query}'), sep='\\n')\"",
            f"  {me} exporter --port 8000        # the ten metrics for Prometheus",
            f"  {first}",
        )
    )
