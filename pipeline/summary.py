"""Messages of a run: which model and input first, then the closing summary with the ten metrics and next commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.clean import mask
from pipeline.journey import Result
from pipeline.preview import preview
from pipeline.program import next_command
from pipeline.report.facts import LEAST_WAIT_S, MetricFacts, metrics_of
from pipeline.report.metric_values import parts_of, total_of
from pipeline.report.words import Language, Words
from pipeline.session import Session
from pipeline.settings import SANDBOX_PRICED_AS, Settings
from pipeline.source.fields import harmless
from pipeline.source.source import Source
from pipeline.urls import origin

NAMED_PLACES = 10
"""How many too long texts are listed by their position; the store has all of them."""

_W = Words(Language.EN)

METRICS_TITLE = "The ten metrics, of this run and since the first"

TABLE_WIDTH = 76
"""Columns that the table of metrics needs: 34 for a name, twice 16 for a duration of a million calls, and what they
consist of."""


def as_json(result: Result, settings: Settings) -> dict[str, Any]:
    """The object that `run --json` prints. Its counts of records add up to `scraped`; amounts in USD and seconds."""
    counts = result.counts
    return {
        "run_id": result.run_id,
        "sandbox": settings.sandbox,
        "scraped": counts.scraped,
        "skipped": counts.skipped,
        "analysed": counts.analysed,
        "from_cache": counts.from_cache,
        "failed": counts.failed,
        "in_batches": counts.pending,
        "loaded": result.loaded,
        "calls": counts.calls,
        "input_tokens": counts.input_tokens,
        "output_tokens": counts.output_tokens,
        "cost_usd": round(counts.cost_usd, 6),
        "duration_s": round(result.duration_s, 3),
    }


def announce(console: Console, session: Session, source: Source | None, *, of_files: bool = False) -> None:
    """Say which Claude is asked, what is read, and what was guessed about it; of files also what they come to."""
    settings = session.settings
    if settings.sandbox:
        _line(console, f"SANDBOX: no real Claude answers; costs are those of {SANDBOX_PRICED_AS}, not billed")
    else:
        place = origin(session.claude_url) if session.claude_url else "Claude itself"
        _line(console, f"asking {settings.model} at {place}")
    if source is not None:
        # texts are for a person's eyes: what is written to a file may be a log
        for line in about_to_read(source, of_files=of_files, samples=console.is_terminal):
            # also with --quiet
            session.progress.say(line) if line.startswith("warning: ") else _line(console, line)


def about_to_read(source: Source, *, of_files: bool, samples: bool) -> list[str]:
    """Lines that say what is read, what was guessed about it and, of files, what the first records come to."""
    looked = preview(source, samples=samples) if of_files else ()
    lines = [line if line.startswith("warning: ") else f"  {line}" for line in (*source.guesses, *looked)]
    # a file may be named after a customer, and its name or that of a sheet may hold what moves a terminal's cursor
    return [harmless(line) for line in (f"reading {mask(source.name)}", *lines)]


def name_places(console: Console, session: Session, run_id: str) -> None:
    """List the positions of texts that are too long, without their content."""
    # one more than shown tells whether there are further ones
    places = session.store.runs.too_long(run_id, NAMED_PLACES + 1)
    if places:
        more = " …" if len(places) > NAMED_PLACES else ""
        _line(console, f"skipped as too long: record {', '.join(map(str, places[:NAMED_PLACES]))}{more}")


def show(console: Console, session: Session, result: Result) -> None:
    """Print the closing summary."""
    console.print()
    console.print(_records(result))
    _line(console, _paid(result, session.settings))
    for line in _limits(session, result.run_id):
        _line(console, line)
    console.print()
    _show_metrics(console, metrics_of(session.store, result.run_id))
    with closing(session.open_warehouse()) as warehouse:
        _line(console, f"\nThe rows: {result.loaded} of this run are in {warehouse.name}")
        _line(console, _next(warehouse.how_to_look(), bool(result.counts.failed)))


def _line(console: Console, text: str) -> None:
    # no markup: a source's name may contain brackets, which rich would interpret
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _records(result: Result) -> Table:
    counts = result.counts
    table = Table(title=f"Run {result.run_id}: {counts.scraped} verbatims", title_justify="left", box=None)
    table.add_column("what happened")
    table.add_column("verbatims", justify="right", no_wrap=True)
    table.add_row("analysed, newly paid", str(counts.analysed))
    table.add_row("answered before, or by an identical text", str(counts.from_cache))
    for reason, number in counts.skipped.items():
        table.add_row(f"skipped: {reason.replace('_', ' ')}", str(number))
    for outcome, number in counts.failed.items():
        table.add_row(f"failed: {outcome.replace('_', ' ')}", str(number))
    if counts.pending:
        table.add_row("waiting for a batch", str(counts.pending))
    return table


def _paid(result: Result, settings: Settings) -> str:
    counts = result.counts
    cost = f"${counts.cost_usd:.4f}"
    if settings.sandbox:
        cost += f" at the prices of {SANDBOX_PRICED_AS}, not billed: the sandbox answered"
    tokens = f"{counts.input_tokens:,} tokens in and {counts.output_tokens:,} out"
    return f"{counts.calls} calls, {tokens}, {cost}; {result.duration_s:.1f} s"


def _limits(session: Session, run_id: str) -> Iterator[str]:
    """How far the rate limit held the run back, and what is left of the budget of the day."""
    facts, budget_usd = session.store.facts, session.settings.budget_usd_per_day
    waited_s = facts.waited_s(run_id)
    if waited_s >= LEAST_WAIT_S:
        yield f"waited {waited_s:.1f} s a call for Claude's rate limit"
    if budget_usd is not None:
        left_usd = max(budget_usd - facts.spent_on(), 0.0)
        yield f"budget: ${left_usd:.2f} of ${budget_usd:.2f} of this UTC day left"


def _show_metrics(console: Console, metrics: Iterable[MetricFacts]) -> None:
    rows = [
        (one.metric.prometheus_name, total_of(one.metric, one.run, _W), total_of(one.metric, one.ever, _W), _parts(one))
        for one in metrics
    ]
    if console.width < TABLE_WIDTH:
        _list_metrics(console, rows)
    else:
        console.print(_metrics(rows))


def _parts(metric: MetricFacts) -> str:
    return parts_of(metric.metric, metric.ever, _W)


def _list_metrics(console: Console, rows: Iterable[tuple[str, str, str, str]]) -> None:
    """Two lines per metric, for a narrow terminal."""
    _line(console, METRICS_TITLE)
    for name, run, ever, _ in rows:
        _line(console, f" {name}\n   this run {run}, ever {ever}")


def _metrics(rows: Iterable[tuple[str, str, str, str]]) -> Table:
    table = Table(title=METRICS_TITLE, title_justify="left", box=None)
    table.add_column("name", no_wrap=True)
    table.add_column("this run", justify="right", no_wrap=True)
    table.add_column("ever", justify="right", no_wrap=True)
    table.add_column("of which")
    for row in rows:
        table.add_row(*row)
    return table


def _next(look: str, failed: bool) -> str:
    if look.startswith("verbatims "):
        look = next_command(look.removeprefix("verbatims "))
    file = next_command("run --input reviews.csv    # the same for a file of yours")
    report = next_command("report --open    # the results as a page")
    listed = next_command("failed    # which records failed, and why")
    exporter = next_command("exporter --port 8000    # the ten metrics for Prometheus")
    return "\n  ".join(("\nNext:", look, report, exporter, listed if failed else file))
