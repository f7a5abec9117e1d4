"""The facts as one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipeline.report import call_figures as calls
from pipeline.report import metric_values
from pipeline.report import verbatim_figures as verbatims
from pipeline.report.bins import moment
from pipeline.report.call_figures import TraceLink
from pipeline.report.drawing import draw
from pipeline.report.facts import Facts, quantile, success_ratio
from pipeline.report.figure import Figure
from pipeline.report.model_figures import model_figures
from pipeline.report.words import UNBROKEN, Language, Words
from pipeline.settings import SANDBOX_PRICED_AS

FOLDER = Path(__file__).parent
OBJECTIVE_S = 8.0
"""p95 of the calls; also on the dashboards."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the page must know beside the facts."""

    labels: verbatims.Labels
    """Topic → language → label, as the reference base has them."""
    trace_link: TraceLink | None = None
    """None where no address of traces is known."""
    budget_usd: float | None = None
    """What all runs may spend in one UTC day; None where no such limit is set."""


def page(facts: Facts, language: Language, context: Context) -> str:
    """The whole file. It holds words of verbatims: see `files.py`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    words = Words(language)
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filled: dict[str, Any] = {
        "w": words,
        "facts": facts,
        "priced_as": SANDBOX_PRICED_AS if facts.run.mode == "sandbox" else None,
        "style": (FOLDER / "page.css").read_text(encoding="utf-8"),
        "head": list(_head(facts, words)),
        "key_numbers": list(_key_numbers(facts, words)),
        "sections": _sections(facts, words, context),
        "coded": _coded,
        "draw": lambda figure: draw(figure.chart, language, f"{figure.id}-title"),
        "now": words.instant(datetime.now(UTC)),
    }
    return environment.get_template("page.html").render(filled)


def _coded(text: str) -> Any:
    """A text in which `…` marks what is to be typed."""
    from markupsafe import Markup, escape

    parts = [
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _sections(facts: Facts, w: Words, context: Context) -> Mapping[str, Sequence[Figure]]:
    """What follows a heading of the same level is about the same."""
    link = context.trace_link
    return {
        w("flow"): [verbatims.flow(facts, w)],
        w("failures"): [
            calls.failures(facts, w),
            *([calls.failed_records(facts, w, link)] if facts.failed_records else ()),
        ],
        w("sentiment"): [verbatims.by_source(facts, w), verbatims.over_time(facts, w)],
        w("topics"): [verbatims.topics(facts, w, context.labels), verbatims.new_topics(facts, w)],
        **({w("model_watch"): model} if (model := model_figures(facts, w)) else {}),
        w("latency"): [
            calls.latency(facts, w),
            calls.slow_calls(facts, w, link),
            calls.failed_calls(facts, w, link),
        ],
        w("costs"): [calls.costs(facts, w, context.budget_usd), calls.recent(facts, w)],
        w("metrics"): [metric_values.metrics(facts, w)],
    }


def _head(facts: Facts, w: Words) -> Iterator[tuple[str, str]]:
    run = facts.run
    yield w("input"), run.input
    if run.day:
        yield w("day"), w.day(date.fromisoformat(run.day))
    yield w("began"), w.instant(moment(run.started_at))
    yield w("ended"), w.instant(moment(run.ended_at)) if run.ended_at else w("not_ended")
    yield w("model"), ", ".join(dict.fromkeys(model for model, _ in facts.analysers)) or w("none")
    yield w("prompt"), ", ".join(dict.fromkeys(prompt for _, prompt in facts.analysers)) or w("none")


def _key_numbers(facts: Facts, w: Words) -> Iterator[tuple[str, str]]:
    counts = facts.counts
    yield w.number(counts.scraped), w("read")
    yield w.number(counts.analysed + counts.from_cache), w("analysed")
    yield w.number(sum(n for _, _, n in facts.failures)), w("failed")
    if counts.pending:
        yield w.number(counts.pending), w("pending")
    yield w.usd(counts.cost_usd), w("cost")
    ratio = success_ratio(facts)
    if ratio is not None:
        yield w.share(ratio, 1), w("success")
        bound = quantile(facts, 0.95)
        took = w.seconds(bound) if bound else w("beyond", bound=w.seconds(facts.bounds[-1]))
        yield took, f"{w('p95')} {w('objective', bound=f'{OBJECTIVE_S:g}{UNBROKEN}s')}"
