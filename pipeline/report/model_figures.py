"""The model's part of the report: what the charts say of each source's last night, and evaluations against labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from pipeline.records import Sentiment
from pipeline.report.facts import Facts
from pipeline.report.figure import Figure
from pipeline.report.words import Words
from pipeline.store import EvaluationShown, Judged

MOST_SHOWN = 24
"""Signals, those nearest to their limits: one source has up to 20."""

MOST_NOT_READY = 10
"""Sources that are named where there is not enough to judge them."""


def model_figures(facts: Facts, w: Words) -> list[Figure]:
    """Nothing for a store whose nights were never judged."""
    if not facts.verdicts and not facts.evaluations:
        return []
    return [_signals(facts, w), _evaluations(facts.evaluations, w)]


def _signals(facts: Facts, w: Words) -> Figure:
    columns = ("source", "signal", "night", "observed", "expected", "of_limit", "state")
    return Figure(
        "model-signals",
        w("model_signals"),
        w("model_signals_said", most=MOST_SHOWN),
        [w(name) for name in columns],
        list(_rows(facts.verdicts, w)),
        empty=w("model_no_signals"),
        numbers=frozenset({3, 4, 5}),
    )


def _rows(verdicts: Sequence[Judged], w: Words) -> Iterator[tuple[str, ...]]:
    """What could be judged, the nearest to its limit first; then a line for all that could not."""
    judged = sorted((one for one in verdicts if one.score is not None), key=lambda one: -(one.score or 0.0))
    for one in judged[:MOST_SHOWN]:
        yield (
            one.source or w("everywhere"),
            _signal(one, w),
            w.day(date.fromisoformat(one.night)),
            w.share(one.share or 0.0, 1),
            w.share(one.expected or 0.0, 1),
            w.share(one.score or 0.0, 1),
            w("signal_alarms") if (one.score or 0.0) > 1 else w("signal_calm"),
        )
    waiting = sorted({one.source or w("everywhere") for one in verdicts if one.score is None})
    for source in waiting[:MOST_NOT_READY]:
        number = sum(one.score is None and (one.source or w("everywhere")) == source for one in verdicts)
        yield source, w.counted("signals", number), "–", "–", "–", "–", w("signal_not_enough")


def _signal(one: Judged, w: Words) -> str:
    name = w(f"signal_{one.signal}")
    return w("share_of", what=name, whose=w(one.sentiment)) if one.sentiment else name


def _evaluations(found: Sequence[EvaluationShown], w: Words) -> Figure:
    classes = [one.value for one in Sentiment]
    return Figure(
        "model-evaluations",
        w("model_evaluations"),
        w("model_evaluations_said"),
        [w("analyser"), w("evaluated"), w("labels"), *(w(one) for one in classes), w("macro")],
        [
            (
                one.shown_as,
                w.instant(datetime.fromisoformat(one.evaluated_at)),
                w.number(one.labels),
                *(_f1(one.result["f1"].get(name), w) for name in (*classes, "macro")),
            )
            for one in found
        ],
        empty=w("model_no_evaluations"),
        numbers=frozenset({2}),
    )


def _f1(value: Sequence[float] | None, w: Words) -> str:
    if value is None:
        return w("labels_not_enough")
    f1, low, high = (w.number(one, 2) for one in value)
    return w("f1_within", f1=f1, low=low, high=high)
