"""Nights hold what was paid, once; verdicts and the baseline are kept by series."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from analysers import ANALYSER, OTHER

from pipeline.analyse.analyser import define
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyse.topics import load_topics
from pipeline.claiming import CompletedRequest
from pipeline.errors import InputError
from pipeline.records import AnalyserRecord, Analysis, Attempt, Outcome, Sentiment, Topic
from pipeline.store import Judged, Store
from pipeline.store.tables import texts
from pipeline.watching import accept_baseline, watch

from .test_claims import GOOD, UNREADABLE, asks
from .test_deliveries import TWO, answered, read

NOW = datetime.now(UTC)
TODAY = NOW.date()


def on(day: datetime, attempt: Attempt = GOOD) -> Attempt:
    return replace(attempt, sent_at=day)


def ask(store: Store, run_id: str, analyser: AnalyserRecord, *attempts: Attempt) -> None:
    """Everything pending gets these attempts."""
    claims = store.claims(run_id, analyser, FINAL_OUTCOMES)
    taken = claims.take(asks(claims, analyser.fingerprint))
    claims.commit([CompletedRequest(one, attempts, None, True) for one in taken.asks])
    claims.release()


def counted(store: Store, series: str = "v1") -> dict[str, int]:
    """Day → requests."""
    return {day: sum(part["requests"] for part in parts) for day, parts in store.nights.of(series)["shop"].items()}


def test_a_night_counts_each_paid_answer_once_by_stars(store: Store) -> None:
    run_id = read(store, {"a": "merci", "b": "bof"}, rating=4.6)
    ask(store, run_id, ANALYSER, on(NOW, UNREADABLE), on(NOW))
    answered(store, {"c": "merci"})  # an identical text: its answer is reused
    for _ in range(2):
        watch(store, ANALYSER)
    [part] = store.nights.of("v1")["shop"][TODAY.isoformat()]
    assert part["requests"] == 4 and part["sentiments"] == {"5 positive": 2}
    assert part["events"] == {"unreadable": 2, "new_topic": 2}


def test_failed_calls_are_no_answers(store: Store) -> None:
    ask(store, read(store, TWO), ANALYSER, on(NOW, Attempt(Outcome.FAILED, "sandbox", NOW, 1.0, error="http_529")))
    watch(store, ANALYSER)
    assert store.nights.of("v1") == {}


def test_answers_that_break_the_contract_are_counted(store: Store) -> None:
    words = "Le client est très content de la livraison rapide et du produit reçu ce matin. "
    long = Analysis(words * 3, Sentiment.POSITIVE, ("price",), ())
    wrong = Analysis("The customer is happy about the fast delivery and the product.", Sentiment.POSITIVE, (), ())
    ask(store, read(store, {"a": words}, language="fr"), ANALYSER, on(NOW, replace(GOOD, analysis=long)))
    ask(store, read(store, {"b": f"{words}!"}, language="fr"), ANALYSER, on(NOW, replace(GOOD, analysis=wrong)))
    watch(store, ANALYSER)
    [part] = store.nights.of("v1")["shop"][TODAY.isoformat()]
    assert part["events"] == {"summary_too_long": 1, "wrong_language": 1, "no_topic": 1}


def test_a_reanalysis_counts_for_the_nights_on_which_the_texts_were_seen(store: Store) -> None:
    first = read(store, TWO)
    ask(store, first, ANALYSER, on(NOW))
    with store.database.write() as connection:
        connection.execute(sa.update(texts).values(seen_on="2026-01-05"))
    again = store.runs.start("sandbox", "again")
    store.reanalyses.start(again, OTHER)
    ask(store, again, OTHER, on(NOW))
    watch(store, OTHER)
    assert counted(store) == {TODAY.isoformat(): 2} and counted(store, "v2") == {"2026-01-05": 2}


def test_nights_of_another_series_are_not_judged(store: Store) -> None:
    ask(store, read(store, TWO), ANALYSER, on(NOW))
    watch(store, ANALYSER)
    assert {one.source for one in store.nights.verdicts()} == {"shop"}
    watch(store, OTHER)
    assert store.nights.verdicts() == []


@pytest.mark.long
def test_accepted_topics_leave_nights_and_baseline_as_they_are(store: Store) -> None:
    listed = load_topics(None)
    before, after = (
        define("sandbox", named) for named in (listed, (*listed, Topic("dark_mode", "Mode sombre", "Dark mode")))
    )
    for back in range(20, 0, -1):
        ask(store, read(store, {f"{back}": f"texte {back}"}), before, on(NOW - timedelta(days=back)))
    watch(store, before)
    accepted = accept_baseline(store, before)
    ask(store, read(store, {"new": "encore"}), after, on(NOW))
    watch(store, after)
    [nights] = store.nights.of(store.analysers.find(after.fingerprint).series).values()
    assert len(nights) == 21
    assert store.nights.baseline(store.analysers.find(before.fingerprint).series) == accepted
    assert accepted.last_day == (TODAY - timedelta(days=1)).isoformat()
    assert "baseline" in Counter(one.signal for one in store.nights.verdicts())


def test_a_baseline_needs_two_weeks(store: Store) -> None:
    ask(store, read(store, TWO), ANALYSER, on(NOW))
    watch(store, ANALYSER)
    with pytest.raises(InputError, match="not enough nights: 1 of 14"):
        accept_baseline(store, ANALYSER)


def test_a_source_that_is_silent_for_a_week_is_not_judged(store: Store) -> None:
    ask(store, read(store, TWO), ANALYSER, on(NOW - timedelta(days=9)))
    late = read(store, {"c": "encore"}, source="elsewhere")
    ask(store, late, ANALYSER, on(NOW))
    watch(store, ANALYSER)
    assert {one.source for one in store.nights.verdicts()} == {"elsewhere"}


def test_gauges_say_the_worst_share_and_that_nothing_is_known_while_there_is_not_enough(store: Store) -> None:
    row = Judged("shop", "mix", "negative", TODAY.isoformat(), "ready", 0.4, 0.3, 0.28)
    found = [
        row,
        replace(row, sentiment="positive", score=1.2),
        replace(row, signal="refusal", sentiment="", score=None),
    ]
    store.nights.judge("v1", found, ["mix", "refusal"])
    model = store.totals.model
    assert model.scores() == {("shop", "mix"): 1.2}
    assert model.ready() == {("shop", "mix"): 1, ("shop", "refusal"): 0}
    assert model.shares()["shop", "mix", "negative"] == 0.3


def test_only_the_latest_nights_of_each_source_are_read_and_those_since_a_day(store: Store) -> None:
    sources = {"a": [1, 2, 3, 4, 5], "b": [2, 4]}
    for day in range(1, 6):
        held = {("v1", source, f"2026-01-0{day}"): {} for source, days in sources.items() if day in days}
        store.nights.replace(f"2026-01-0{day}", held)
    store.nights.replace("2026-01-06", {("v1", "a", "2026-01-04"): {}})  # asked later, for the same night

    def days(latest: int, since: str | None = None) -> dict[str, list[int]]:
        return {source: [int(day[-1]) for day in of] for source, of in store.nights.of("v1", latest, since).items()}

    assert days(2) == {"a": [4, 5], "b": [2, 4]}
    assert days(1) == {"a": [5], "b": [4]}
    assert days(1, "2026-01-03") == {"a": [3, 4, 5], "b": [4]}
    assert len(store.nights.of("v1", 2)["a"]["2026-01-04"]) == 2
