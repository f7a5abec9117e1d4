"""Evaluates an analyser against labels, and compares two; asks for the answers that are missing first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pipeline.errors import InputError
from pipeline.evaluate.corrected import Checked, CorrectedShare, correct
from pipeline.evaluate.paired import Pair, Paired, compare
from pipeline.evaluate.scores import Labelled, Scores, not_enough, score
from pipeline.reanalysis import Plan, plan, record_of
from pipeline.records import Sentiment
from pipeline.session import Session
from pipeline.store import AnalyserShown, LabelledText, Store, Wanted

Labels = Sequence[LabelledText]


def missing(session: Session, shown: AnalyserShown, labels: Labels, *, batch: bool = False) -> Plan | None:
    """What has to be asked so that the analyser has an answer to each labelled text; None where nothing has."""
    ids = [one.text_id for one in labels]
    unanswered = sorted(set(ids) - session.store.labels.answered(shown.fingerprint, ids).keys())
    if not unanswered:
        return None
    found = plan(session, record_of(session, shown), Wanted(text_ids=unanswered), batch=batch)
    return found if found.touched.asked else None


def rows_of(store: Store, analyser: str, labels: Labels) -> list[Labelled]:
    """Labels beside the analyser's answers; texts that it was not asked about are left out."""
    answered = store.labels.answered(analyser, [one.text_id for one in labels])
    return [
        Labelled(
            one.sentiment,
            answered[one.text_id].sentiment,
            one.weight,
            one.stratum,
            one.topics,
            answered[one.text_id].topics,
        )
        for one in labels
        if one.text_id in answered
    ]


def evaluate(store: Store, shown: AnalyserShown, labels: Labels) -> tuple[dict[str, Any], str | None]:
    """The result as `as_data` gives it, and what is missing for one to trust; it is kept if there are 300 labels."""
    rows = rows_of(store, shown.fingerprint, labels)
    scores = score(rows)
    shares = correct(*_published(store, labels)) if shown.rows else None
    result = as_data(scores, shares, store.labels.usd_per_answer(shown.fingerprint))
    if scores.enough:
        store.evaluations.add(shown.fingerprint, len(rows), result)
    return result, not_enough(rows)


def compare_two(store: Store, first: AnalyserShown, second: AnalyserShown, labels: Labels) -> Paired:
    """Compare the second with the first, on the texts that both were asked about; the result is kept for `accept`.

    Raises InputError where both are the same analyser.
    """
    require_two(first, second)
    ids = [one.text_id for one in labels]
    theirs = [store.labels.answered(one.fingerprint, ids) for one in (first, second)]
    pairs = [
        Pair(one.sentiment, theirs[0][one.text_id].sentiment, theirs[1][one.text_id].sentiment)
        for one in labels
        if one.text_id in theirs[0] and one.text_id in theirs[1]
    ]
    found = compare(pairs)
    verdict = found.judgement.value
    result = asdict(found) | {"judgement": verdict}
    store.evaluations.add_comparison(first.fingerprint, second.fingerprint, verdict, result)
    return found


def require_two(first: AnalyserShown, second: AnalyserShown) -> None:
    """Raises InputError where both are the same analyser: it is never worse than itself."""
    if first.fingerprint == second.fingerprint:
        raise InputError(
            f"both are the analyser {first.shown_as}; VERBATIMS_PROMPT=FILE gives `settings` another prompt, "
            "and `verbatims analysers` lists those that there are"
        )


def as_data(
    scores: Scores, shares: Mapping[Sentiment, CorrectedShare] | None, usd_per_answer: float | None
) -> dict[str, Any]:
    """An evaluation as JSON can hold it. `f1` holds value, low and high by class; null where there is not enough."""
    f1 = {
        one.value: None if found.f1 is None else [found.f1, found.low, found.high]
        for one, found in scores.classes.items()
    }
    macro = scores.macro_f1
    return {
        "labels": scores.labels,
        "enough": scores.enough,
        "f1": f1 | {"macro": [macro.value, macro.low, macro.high] if macro and scores.enough else None},
        "classes": {one.value: asdict(found) for one, found in scores.classes.items()},
        "accuracy": asdict(scores.accuracy) if scores.accuracy else None,
        "kappa": scores.kappa,
        "ac1": scores.ac1,
        "confusion": [
            {"label": label.value, "answer": answer.value if answer else None, "texts": n}
            for (label, answer), n in sorted(scores.counts.items(), key=str)
        ],
        "topics": asdict(scores.topics),
        "shares": None if shares is None else {one.value: asdict(found) for one, found in shares.items()},
        "usd_per_1000": None if usd_per_answer is None else 1000 * usd_per_answer,
    }


def _published(store: Store, labels: Labels) -> tuple[list[Checked], Mapping[tuple[str, Sentiment], int]]:
    """Labels beside what is published, and of how many verbatims these are: the sum of their weights."""
    current = store.labels.current([one.text_id for one in labels])
    populations: dict[tuple[str, Sentiment], float] = defaultdict(float)
    for one in labels:
        if one.text_id in current:
            populations[current[one.text_id]] += one.weight
    checked = [Checked(one.sentiment, *current[one.text_id]) for one in labels if one.text_id in current]
    return checked, {stratum: round(weight) for stratum, weight in populations.items()}
