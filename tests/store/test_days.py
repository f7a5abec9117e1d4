"""The run of a day holds the verbatims first seen on that day, however often and by whomever they are read."""

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.records import BrokenRecord, Review
from pipeline.store import Store
from pipeline.store.tables import run_records, texts

TODAY = datetime.now(UTC).date()
LATER = date(2999, 1, 1)
YESTERDAY, TOMORROW = date(2026, 1, 1), date(2026, 1, 2)


def review(name: str, text: str = "") -> Review:
    return Review("shop", name, text or f"Avis {name}", position=1)


def numbered(*records: Review | BrokenRecord) -> list[Review | BrokenRecord]:
    return [
        BrokenRecord(number, record.problem)
        if isinstance(record, BrokenRecord)
        else Review(record.source, record.external_id, record.text, number)
        for number, record in enumerate(records, 1)
    ]


def scrape(store: Store, day: date | None, *records: Review | BrokenRecord) -> str:
    run_id = store.runs.start("sandbox", "test", day)
    for _ in store.texts.add(run_id, numbered(*records)):
        pass
    store.texts.attach_day(run_id)
    return run_id


def held(store: Store, run_id: str) -> list[str]:
    query = (
        sa.select(texts.c.text)
        .join(run_records, run_records.c.text_id == texts.c.text_id)
        .where(run_records.c.run_id == run_id)
        .order_by(texts.c.text_id)
    )
    with store.database.read() as connection:
        return list(connection.execute(query).scalars())


def test_each_day_holds_what_was_new_on_it(store: Store) -> None:
    first = scrape(store, YESTERDAY, review("a"), review("b"))
    second = scrape(store, TOMORROW, review("c"), review("a"), review("b"))
    assert (held(store, first), held(store, second)) == (["Avis a", "Avis b"], ["Avis c"])


def test_reading_again_on_the_same_day_adds_what_is_new_and_keeps_what_has_gone(store: Store) -> None:
    scrape(store, TODAY, review("a"), BrokenRecord(2, "no text"), review("b"))
    run_id = scrape(store, TODAY, review("c"), BrokenRecord(2, "no text"), review("b"))
    assert held(store, run_id) == ["Avis a", "Avis b", "Avis c"]
    counts = store.runs.count(run_id)
    assert (counts.scraped, counts.failed) == (4, {"unreadable_record": 1})


def test_a_day_gone_by_is_read_from_the_store(store: Store) -> None:
    """Whoever read it first: repeating a day that never had a run of its own gives its verbatims too."""
    scrape(store, None, review("a"))
    run_id = store.runs.start("sandbox", "test", TODAY)
    store.texts.attach_day(run_id)
    assert held(store, run_id) == ["Avis a"]
    store.texts.attach_day(run_id)
    assert held(store, run_id) == ["Avis a"]


def test_an_edited_text_belongs_to_the_day_that_edited_it(store: Store) -> None:
    first = scrape(store, YESTERDAY, review("a"))
    second = scrape(store, TOMORROW, review("a", "Avis changé"))
    assert held(store, second) == ["Avis changé"]
    assert held(store, first) == [None]


def test_a_day_holds_something_if_verbatims_or_records_are_of_it(store: Store) -> None:
    assert not store.texts.holds(YESTERDAY)
    scrape(store, YESTERDAY)
    assert not store.texts.holds(YESTERDAY), "a run that has read nothing"
    scrape(store, YESTERDAY, BrokenRecord(1, "no text"))
    scrape(store, None, review("a"))
    assert [store.texts.holds(day) for day in (YESTERDAY, TOMORROW, TODAY)] == [True, False, True]


def test_a_day_whose_verbatims_were_all_edited_later_still_holds_its_records(store: Store) -> None:
    scrape(store, YESTERDAY, review("a"))
    scrape(store, TOMORROW, review("a", "Avis changé"))
    assert store.texts.holds(YESTERDAY)


def test_a_day_without_a_run_of_its_own_whose_verbatims_a_later_day_edited_holds_nothing(store: Store) -> None:
    scrape(store, None, review("a"))
    scrape(store, LATER, review("a", "Avis changé"))
    assert not store.texts.holds(TODAY)


def test_what_a_day_has_left_without_an_outcome_comes_again_with_the_next(store: Store) -> None:
    scrape(store, YESTERDAY, review("a"))
    run_id = store.runs.start("sandbox", "test", TOMORROW)
    store.texts.attach_day(run_id)
    assert held(store, run_id) == []
    store.texts.attach_day(run_id, unanswered_too=True)
    assert held(store, run_id) == ["Avis a"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.sets(st.sampled_from("abcdef"))), max_size=6))
def test_no_verbatim_is_in_two_days_and_none_is_lost(store: Store, scrapes: list[tuple[int, set[str]]]) -> None:
    with store.database.write() as connection:
        for table in ("run_records", "texts", "runs"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    expected: dict[str, int] = {}
    for day, names in sorted(scrapes):
        scrape(store, date(2026, 3, day), *(review(name) for name in sorted(names)))
        for name in names:
            expected.setdefault(name, day)
    found = {day: sorted(held(store, f"day-2026-03-0{day}")) for day in (1, 2, 3)}
    assert found == {day: sorted(f"Avis {n}" for n, d in expected.items() if d == day) for day in (1, 2, 3)}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2, 3]), st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))),
        max_size=6,
    )
)
def test_the_latest_version_of_an_edited_text_is_in_one_day(
    store: Store, scrapes: list[tuple[int, dict[str, str]]]
) -> None:
    """In the day that edited it last, also where an edit was taken back, and where days gone by are repeated."""
    with store.database.write() as connection:
        for table in ("run_records", "texts", "runs"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    expected: dict[str, tuple[int, str]] = {}
    for day, read in sorted(scrapes, key=lambda one: one[0]):
        scrape(store, date(2026, 3, day), *(review(name, f"Avis {name} {said}") for name, said in sorted(read.items())))
        for name, said in read.items():
            if expected.get(name, (0, ""))[1] != said:
                expected[name] = day, said
    for day in (1, 2, 3):
        store.texts.attach_day(store.runs.start("sandbox", "test", date(2026, 3, day)))
    found = {day: sorted(filter(None, held(store, f"day-2026-03-0{day}"))) for day in (1, 2, 3)}
    assert found == {
        day: sorted(f"Avis {name} {said}" for name, (when, said) in expected.items() if when == day)
        for day in (1, 2, 3)
    }


AT_ONCE = """
import sys
sys.path[:0] = [{tests!r}]
from store.test_days import TOMORROW, numbered, review
from pipeline.store import open_store
store = open_store({url!r})
run_id = store.runs.start("sandbox", "test", TOMORROW)
for _ in store.texts.add(run_id, numbered(*(review(str(n)) for n in range(1500)))):
    pass
store.texts.attach_day(run_id)
"""


@pytest.mark.long
def test_two_who_read_for_one_day_at_once_take_turns(store: Store, store_url: str) -> None:
    code = AT_ONCE.format(tests=str(Path(__file__).parents[1]), url=store_url)
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(60) for process in started] == [0, 0]
    assert sorted(held(store, f"day-{TOMORROW}")) == sorted(f"Avis {n}" for n in range(1500))
