"""Figures about verbatims: what became of them, and what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pipeline.records import Sentiment
from pipeline.report import charts
from pipeline.report.bins import Period, periods
from pipeline.report.facts import OTHERS, Facts
from pipeline.report.figure import Cell, Figure
from pipeline.report.palette import ARRIVED, LOST, PUT_ASIDE, SENTIMENTS, WAITING
from pipeline.report.words import Words
from pipeline.store import Said

Labels = Mapping[str, Mapping[str, str]]
"""Topic → language → label."""


def flow(facts: Facts, w: Words) -> Figure:
    """From what was read to the rows in the warehouse."""
    steps = list(_steps(facts, w))
    scraped = facts.counts.scraped
    return Figure(
        "flow",
        w("flow"),
        w("flow_said"),
        [w("step"), w("verbatims"), w("share")],
        [(label, w.number(number), w.share(number, scraped)) for label, number, _, _ in steps],
        chart=charts.waterfall(_hanging(steps, w)),
        numbers=frozenset({1, 2}),
    )


def by_source(facts: Facts, w: Words) -> Figure:
    """Sentiment by source."""
    counted = {(source, sentiment): n for source, sentiment, n in facts.by_source}
    sources = list(dict.fromkeys(source for source, _, _ in facts.by_source))
    called = {source: source if source != OTHERS else f"({w('others')})" for source in sources}
    marks = _shares([(called[source], source) for source in sources], counted, w)
    return Figure(
        "by-source",
        w("sentiment_by_source"),
        w("by_source_said"),
        [w("source"), *_sentiments(w), w("verbatims")],
        _counts([(called[source], source) for source in sources], counted, w),
        empty=w("why_no_answer"),
        chart=charts.shares_of_groups(marks, _sentiments(w)) if sources else None,
        numbers=_NUMBERS,
    )


def over_time(facts: Facts, w: Words) -> Figure:
    """Sentiment by day, week, month or year of writing."""
    counted = {(first, sentiment): n for first, sentiment, n in facts.over_time}
    firsts = periods(facts.period, [first for first, _, _ in facts.over_time])
    called = {first: _called(first, facts.period, w) for first in firsts}
    shown = [first for first in firsts if any((first, one.value) in counted for one in Sentiment)]
    return Figure(
        "over-time",
        w("sentiment_over_time"),
        w("over_time_said", period=w(f"period_{facts.period}")),
        [w(f"period_{facts.period}").capitalize(), *_sentiments(w), w("verbatims")],
        _counts([(called[first], first) for first in shown], counted, w),
        empty=w("why_no_answer"),
        chart=charts.shares_over_time(_by_sentiment(called, counted, w), list(called.values())) if firsts else None,
        numbers=_NUMBERS,
    )


def topics(facts: Facts, w: Words, labels: Labels) -> Figure:
    """Topics of the reference base."""
    called = {one.topic: labels.get(one.topic, {}).get(w.language, one.topic) for one in facts.topics}
    marks = [
        {
            "label": called[one.topic],
            "value": one.verbatims,
            "colour": ARRIVED,
            "said": w("number_said", name=called[one.topic], verbatims=w.counted("verbatims", one.verbatims)),
        }
        for one in facts.topics
    ]
    return Figure(
        "topics",
        w("topics"),
        w("topics_said"),
        [w("topic"), w("verbatims"), w("negative_share"), w("examples")],
        [
            (called[one.topic], w.number(one.verbatims), w.share(one.negative, one.verbatims), _words(one.examples, w))
            for one in facts.topics
        ],
        empty=w("why_no_topic"),
        chart=charts.bars(marks) if marks else None,
        numbers=frozenset({1, 2}),
    )


def new_topics(facts: Facts, w: Words) -> Figure:
    """Topics that the reference base lacks."""
    return Figure(
        "new-topics",
        w("new_topics"),
        w("new_topics_said"),
        [w("label"), w("named"), w("definition"), w("quotes")],
        [(one.label, w.number(one.named), one.definition, _words(one.quotes, w)) for one in facts.new_topics],
        empty=w("why_no_topic"),
        numbers=frozenset({1}),
    )


_NUMBERS = frozenset(range(1, 2 + len(Sentiment)))


def _steps(facts: Facts, w: Words) -> Iterator[tuple[str, int, str, int]]:
    """Label, how many, colour, and how many of those that go on are gone with it."""
    counts = facts.counts
    yield w("flow_read"), counts.scraped, PUT_ASIDE, 0
    for reason, number in counts.skipped.items():
        yield w("flow_skipped", reason=w.known("", reason)), number, PUT_ASIDE, number
    for outcome, number in counts.failed.items():
        yield w("flow_failed", outcome=w.known("outcome_", outcome)), number, LOST, number
    if counts.pending:
        yield w("flow_pending"), counts.pending, WAITING, counts.pending
    if counts.from_cache:
        yield w("flow_from_cache"), counts.from_cache, ARRIVED, counts.from_cache
    yield w("flow_analysed"), counts.analysed, ARRIVED, -counts.from_cache
    yield w("flow_loaded"), facts.loaded, ARRIVED, 0


def _hanging(steps: Iterable[tuple[str, int, str, int]], w: Words) -> Iterator[dict[str, Any]]:
    """Each step begins where what is left after the one before ends."""
    left: int | None = None
    for label, number, colour, gone in steps:
        left = number if left is None else left - max(gone, 0)
        start = left if gone > 0 else 0
        said = w("number_said", name=label, verbatims=w.counted("verbatims", number))
        yield {"label": label, "start": start, "end": start + number, "colour": colour, "said": said}


def _sentiments(w: Words) -> list[str]:
    return [w(one.value) for one in Sentiment]


def _shares(
    groups: Iterable[tuple[str, Any]], counted: Mapping[tuple[Any, str], int], w: Words
) -> Iterator[dict[str, Any]]:
    for called, group in groups:
        whole = sum(counted.get((group, one.value), 0) for one in Sentiment)
        for one in Sentiment:
            number = counted.get((group, one.value), 0)
            share, name = w.share(number, whole), w(one.value)
            yield {
                "group": called,
                "label": name,
                "value": number / whole if whole else 0,
                "colour": SENTIMENTS[one.value],
                "said": w("share_said", group=called, name=name, share=share, verbatims=w.counted("verbatims", number)),
            }


def _by_sentiment(
    called: Mapping[date, str], counted: Mapping[tuple[date, str], int], w: Words
) -> Iterator[dict[str, Any]]:
    """A group of bars for each sentiment; a bin without verbatims has no bar."""
    sizes = Counter[date]()
    for (first, _), number in counted.items():
        sizes[first] += number
    for one in Sentiment:
        for first, name in called.items():
            number = counted.get((first, one.value), 0)
            if number or (sizes[first] and first == min(sizes)):  # one at least: a group needs a mark to be shown
                share = w.share(number, sizes[first])
                yield {
                    "group": w(one.value),
                    "bin": name,
                    "value": number / sizes[first],
                    "colour": SENTIMENTS[one.value],
                    "said": w(
                        "share_said",
                        group=name,
                        name=w(one.value),
                        share=share,
                        verbatims=w.counted("verbatims", number),
                    ),
                }


def _counts(
    groups: Iterable[tuple[str, Any]], counted: Mapping[tuple[Any, str], int], w: Words
) -> list[tuple[str, ...]]:
    rows = []
    for called, group in groups:
        numbers = [counted.get((group, one.value), 0) for one in Sentiment]
        shares = [f"{w.number(n)} ({w.share(n, sum(numbers))})" for n in numbers]
        rows.append((called, *shares, w.number(sum(numbers))))
    return rows


def _called(first: date, period: Period, w: Words) -> str:
    if period is Period.YEAR:
        return f"{first:%Y}"
    return f"{first:%Y-%m}" if period is Period.MONTH else w.day(first)


def _words(said: Sequence[Said], w: Words) -> Cell:
    return Cell(w("erased") if not said else "", quotes=[one.words for one in said])
