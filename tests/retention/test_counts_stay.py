"""Erasing by age or on request, in any order, removes every text and keeps every count."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.retention import expire, forget
from pipeline.store.identity import verbatim_id

from .conftest import BEFORE, GOOD, NEW, OLD, OUTAGE, REFUSED, SKIPPED, UNASKED, Scenario

NAMES = "abcd"
TEXTS = ["canari un", "canari deux", "canari trois"]
FATES = [GOOD, GOOD, GOOD, REFUSED, OUTAGE, UNASKED, SKIPPED]
NIGHTS = st.lists(
    st.tuples(
        st.sampled_from([OLD, NEW]),
        st.dictionaries(st.sampled_from(NAMES), st.tuples(st.sampled_from(TEXTS), st.sampled_from(FATES)), min_size=1),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.long
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NIGHTS, st.sets(st.sampled_from(NAMES)), st.booleans())
def test_erasing_removes_texts_and_keeps_counts(scenario: Scenario, run_nights, forgotten, age_first) -> None:  # type: ignore[no-untyped-def]
    scenario.clear()
    for day, verbatims in run_nights:
        scenario.run_night(day, verbatims)
    scenario.load_all()
    forgotten &= {name for _, verbatims in run_nights for name in verbatims}
    counts, rows = scenario.counts(), scenario.rows(with_texts=True)
    kept = [row for row in rows if row["seen_on"] >= str(BEFORE) and row["external_id"] not in forgotten]

    steps = [
        lambda: expire(scenario.session, BEFORE),
        lambda: [forget(scenario.session, "shop", name) for name in forgotten],
    ]
    for step in steps if age_first else reversed(steps):
        step()
    assert scenario.counts() == counts
    left = scenario.rows(with_texts=True)
    assert [row for row in left if row["text"] is not None] == kept
    assert {row["verbatim_id"]: anonymous(row, forgotten) for row in rows} == {
        row["verbatim_id"]: {name: row[name] for name in anonymous(row, ())} for row in left
    }
    assert_nothing_left(scenario, {verbatim_id("shop", name) for name in forgotten})

    all_bytes = stored(scenario)
    scenario.load_all()
    assert expire(scenario.session, BEFORE) == 0 and not any(
        forget(scenario.session, "shop", name).fresh for name in forgotten
    )
    assert (stored(scenario), scenario.rows(with_texts=True)) == (all_bytes, left)


def stored(scenario: Scenario) -> dict[str, list[object]]:
    """All of the store but the numbers of loads and of changes."""
    return {table: rows for table, rows in scenario.dump().items() if table not in ("warehouses", "deliveries")}


def anonymous(row: dict[str, object], forgotten: object) -> dict[str, object]:
    """The part of a row that must be the same after erasing."""
    left = {name: value for name, value in row.items() if name not in ("text", "summary", "new_topics")}
    if row["external_id"] in forgotten:  # type: ignore[operator]
        left |= {"external_id": row["verbatim_id"], "url": None, "written_at": None, "written_on": "2025-12-31"}
    return left


def assert_nothing_left(scenario: Scenario, forgotten: set[str]) -> None:
    dump = scenario.dump()
    erased = [text for text in dump["texts"] if text["seen_on"] < str(BEFORE) or text["verbatim_id"] in forgotten]
    ids = {text["text_id"] for text in erased}
    keys = {analysis["request_key"] for analysis in dump["analyses"] if analysis["text_id"] in ids} - {None}
    answers = {answer["request_key"]: answer for answer in dump["answers"]}
    words = [
        [text["text"] for text in erased],
        [attempt["raw"] for attempt in dump["attempts"] if attempt["text_id"] in ids],
        [answers[key] for key in keys],
        [text for text in erased if text["verbatim_id"] in forgotten],
    ]
    assert "canari" not in repr(words) and "http" not in repr(words)
    needed = {analysis["request_key"] for analysis in dump["analyses"]} - {None}
    assert set(answers) == needed, "an answer that no text needs was kept"
