"""An older load writes nothing behind a newer one, and a statement covers neighbouring days only."""

import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.places import ROW, Place, expected
from pipeline.errors import TransientError
from pipeline.load import Load, Warehouse
from pipeline.load.day_ranges import MOST, NEIGHBOURS, day_ranges

OLD = replace(ROW, summary="De la vieille charge.")
NEW = replace(ROW, text=None, summary=None, new_topics=())


@dataclass
class Store:
    """What a store keeps of its loads into one warehouse."""

    begun: int = 0
    job: str | None = None
    noted: Callable[[], None] = lambda: None

    def start(self, warehouse: Warehouse) -> None:
        """Begin the next load."""
        self.begun += 1
        number = self.begun

        def note_job(job: str) -> bool:
            if self.begun != number:
                return False
            self.job = job
            self.noted()
            return True

        warehouse.start_load(Load("store", number, self.job, note_job))


@contextmanager
def two_loads(place: Place) -> Iterator[tuple[Warehouse, Warehouse]]:
    with closing(place.open()) as old, closing(place.open()) as new:
        yield old, new


def test_a_load_writes_and_deletes_nothing_once_another_has_begun(place: Place) -> None:
    store = Store()
    with two_loads(place) as (old, new):
        store.start(old)
        old.load_rows([[OLD]])
        store.start(new)
        new.load_rows([[NEW]])
        for rows, gone in (([[OLD]], []), ([], [ROW.verbatim_id])):
            with pytest.raises(TransientError, match="another load of this store has begun since"):
                old.load_rows(rows, gone)
    assert place.rows() == expected([NEW])


@pytest.mark.long
@pytest.mark.parametrize("faults", ["slow=1"])
def test_a_merge_that_goes_on_behind_its_process_is_cancelled_by_the_next_load(bigquery: Place, faults: str) -> None:
    store = Store()
    errors: list[Exception] = []

    def run(warehouse: Warehouse) -> None:
        try:
            warehouse.load_rows([[OLD]])
        except TransientError as error:
            errors.append(error)

    with two_loads(bigquery) as (old, new):
        sent = threading.Event()
        store.noted = sent.set
        store.start(old)
        loading = threading.Thread(target=run, args=(old,))
        loading.start()
        assert sent.wait(30)
        while not running(bigquery) and loading.is_alive():
            time.sleep(0.05)
        store.start(new)
        loading.join(60)
        new.load_rows([[NEW]])
    assert len(errors) == 1 and bigquery.rows() == expected([NEW])
    assert states(bigquery)[store.job or ""] == "DONE"


def test_a_job_that_was_noted_and_not_sent_never_runs(bigquery: Place) -> None:
    """The process was stopped between the two, and goes on behind the next load."""
    store = Store()
    with two_loads(bigquery) as (old, new):

        def overtake() -> None:
            store.noted = lambda: None
            store.start(new)
            new.load_rows([[NEW]])

        store.noted = overtake
        store.start(old)
        with pytest.raises(TransientError, match="another load of this store has begun since"):
            old.load_rows([[OLD]])
    assert bigquery.rows() == expected([NEW])


def test_staged_copies_of_rows_are_deleted(place: Place) -> None:
    with closing(place.open()) as warehouse:
        warehouse.load_rows([[OLD]])
        warehouse.drop_staged()
    assert place.rows() == expected([OLD])
    with closing(sqlite3.connect(place.file)) as connection:
        [(staged,)] = connection.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE '%__load\\_%' ESCAPE '\\'")
    assert staged == 0


def test_an_old_day_and_a_new_one_are_two_statements(bigquery: Place) -> None:
    old, new = replace(ROW, seen_on="2020-01-03"), replace(ROW, verbatim_id="b", seen_on="2026-01-03")
    bigquery.load([old, new])
    bigquery.load([], outdated=("a", "b"))
    assert changed_days(bigquery) == [
        ("MERGE", "2020-01-03", "2020-01-03"),
        ("MERGE", "2026-01-03", "2026-01-03"),
        ("DELETE", "2020-01-03", "2020-01-03"),
        ("DELETE", "2026-01-03", "2026-01-03"),
    ]
    assert bigquery.rows() == []


def test_a_row_that_the_table_holds_on_another_day_is_one_statement_over_both(bigquery: Place) -> None:
    bigquery.load([replace(ROW, seen_on="2020-01-03")])
    bigquery.load([ROW])
    assert changed_days(bigquery)[1:] == [("MERGE", "2020-01-03", ROW.seen_on)]
    assert bigquery.rows() == expected([ROW])


DAYS = st.dates(date(2000, 1, 1), date(2030, 1, 1))
SPANS = st.lists(st.tuples(DAYS, DAYS).map(lambda days: (min(days), max(days))) | DAYS.map(lambda day: (day, day)))


@given(SPANS)
def test_ranges_cover_every_span_and_no_wide_gap(spans: list[tuple[date, date]]) -> None:
    ranges = day_ranges(spans)
    assert len(ranges) <= MOST and ranges == sorted(ranges)
    for first, last in spans:
        assert sum(start <= first and last <= end for start, end in ranges) == 1
    assert all(later[0] - earlier[1] > NEIGHBOURS for earlier, later in itertools.pairwise(ranges))
    days = {day for span in spans for day in span}
    assert all(start in days and end in days for start, end in ranges)


def test_days_within_a_week_of_each_other_share_a_range_and_others_do_not() -> None:
    day = date(2026, 1, 1)
    near, far = day + NEIGHBOURS, day + NEIGHBOURS * 2 + timedelta(days=1)
    assert day_ranges([(far, far), (day, day), (near, near)]) == [(day, near), (far, far)]


def resources(place: Place) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(place.file)) as connection:
        return [json.loads(text) for (text,) in connection.execute("SELECT resource FROM _jobs ORDER BY rowid")]


def states(place: Place) -> dict[str, str]:
    return {job["id"]: job["status"]["state"] for job in resources(place)}


def running(place: Place) -> bool:
    return "RUNNING" in states(place).values()


def changed_days(place: Place) -> list[tuple[str, str, str]]:
    """Each statement that changes rows, with its first and last day."""
    found = []
    for job in resources(place):
        query = job["configuration"].get("query", {})
        verb = query.get("query", "").split(" ")[0]
        if verb in ("MERGE", "DELETE"):
            given = {one["name"]: one["parameterValue"].get("value") for one in query["queryParameters"]}
            found.append((verb, given["first_day"], given["last_day"]))
    return found
