"""What the store is asked: few statements per verbatim, and pages that an index serves."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from analysers import ANALYSER

from pipeline.analyse.dispatch import Dispatcher
from pipeline.analyse.live import analyse
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyse.tries import Try
from pipeline.events import Event
from pipeline.observer import RequestSpan
from pipeline.records import Ask, Attempt, Review
from pipeline.report.facts import facts_of
from pipeline.store import Store
from pipeline.store_snapshot import take_snapshot
from pipeline.totals import read_totals
from pipeline.watching import watch

from .test_claims import GOOD, asks, good, kept

IN_FLIGHT, TEXTS = 64, 640


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """What is executed meanwhile, with its parameters; an executemany is one. BEGIN and COMMIT are left out."""
    found: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, sql: str, parameters: Any, *_: object) -> None:
        if not sql.startswith(("BEGIN", "PRAGMA")):
            found.append((sql, parameters))

    engine = store.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


class Silent:
    """Tells nobody."""

    trace_id = None

    def emit(self, event: Event) -> None:
        """Not told."""

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def call(self, ask: Ask) -> Iterator[RequestSpan]:
        yield self

    def answered(self, attempt: Attempt) -> None:
        """Not told."""

    def committed(self, attempt: Attempt) -> None:
        """Not told."""


class Quick:
    """Answers within some hundredths of a second."""

    def worst_usd(self, text: str, room: int = 1) -> float:
        return 0.0

    async def send(self, text: str, room: int = 1) -> Try:
        # the same for all, so that answers come together however fast a commit is on this disk
        await asyncio.sleep(0.05)
        return Try(GOOD, time.perf_counter())


@pytest.mark.long
def test_at_most_one_statement_per_verbatim_at_64_in_flight(store: Store) -> None:
    run_id = kept(store, *(f"texte {number}" for number in range(TEXTS)))
    claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)

    async def run() -> None:
        silent: Any = Silent()
        ignore: Any = lambda *_: None  # noqa: E731
        async with Dispatcher(
            claims, str, lambda *_: 0.0, silent, ignore, ignore, page=IN_FLIGHT, patience_s=0
        ) as work:
            await analyse(work, Quick(), silent, IN_FLIGHT)

    with statements(store) as found:
        asyncio.run(run())
    assert store.runs.count(run_id).analysed == TEXTS
    assert len(found) <= TEXTS, f"{len(found) / TEXTS:.2f} statements per verbatim"


def test_a_page_of_any_size_takes_a_handful_of_statements(store: Store) -> None:
    """Cleaned, claimed, committed and brought to the warehouse: as many for ten as for a hundred."""
    taken: dict[int, int] = {}
    for size in (10, 100):
        with statements(store) as found:
            run_id = kept(store, *(f"texte {size} {number}" for number in range(size)))
            claims = store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
            claims.commit(good(*claims.take(asks(claims)).asks))
            loading = store.deliveries.start_load({})
            for due in store.deliveries.due(loading):
                store.deliveries.settle(loading, due.changes, {})
        taken[size] = len(found)
    assert taken[100] <= taken[10] + 5, taken  # locks of Postgres, and what the ten have left due


PAGES = {
    "clean": lambda store, run_id: next(store.texts.uncleaned(run_id), None),
    "analyse": lambda store, run_id: store.claims(run_id, ANALYSER, FINAL_OUTCOMES).pending(5, 64),
    "load": lambda store, run_id: next(store.deliveries.due(store.deliveries.start_load({})), None),
    "expire": lambda store, run_id: next(store.erasure.aged(date(2000, 1, 1)), None),
}
INDEXES = {
    "clean": "run_records_by_text",
    "analyse": "run_records_by_text",
    "load": "deliveries_due",
    "expire": "texts_with_words",
}
"""What each page is read by, in its order."""


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_read_by_an_index_and_not_sorted(store: Store, page: str) -> None:
    run_id = kept(store, *(f"texte {number}" for number in range(50)))
    with statements(store) as found:
        PAGES[page](store, run_id)
    [(sql, parameters)] = [one for one in found if " LIMIT " in one[0] and " ORDER BY " in one[0] and "WHERE" in one[0]]
    with store.database.read() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert not any("TEMP B-TREE" in step or re.match(r"SCAN (?!.*USING .*INDEX)", step) for step in plan), plan
    assert any(INDEXES[page] in step for step in plan), plan


def test_a_scrape_reads_totals_and_the_latest_attempt_alone(store: Store) -> None:
    """Whatever else it read would grow with the verbatims."""
    kept(store, "merci")
    with statements(store) as found:
        read_totals(store.totals)
        store.totals.durations()
    small = re.compile(r"FROM totals|(FROM|JOIN) attempts\b.* LIMIT", re.DOTALL)
    others = [sql for sql, _ in found if not small.search(sql)]
    assert len(found) > 8 and others == []


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_scrape_reads_by_indexes_and_sorts_nothing(store: Store) -> None:
    with statements(store) as found:
        read_totals(store.totals)
    with store.database.read() as connection:
        plans = [
            [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)] for sql, given in found
        ]
    of_totals = [plan for (sql, _), plan in zip(found, plans, strict=True) if "FROM totals" in sql]
    assert all("totals_ever" in plan[0] for plan in of_totals) and len(of_totals) > 6, plans
    assert not any("TEMP B-TREE" in step for plan in plans for step in plan), plans


HELD = r"texts|earlier|run_records|attempts|theirs|analyses|answers|deliveries"
"""Tables that grow with each verbatim, and what queries call them."""

OPEN_ONES = r"texts_(open|unanswered|replaced)|deliveries_(due|rejected)"
"""Indexes that hold a few rows of them."""

WORK: dict[str, Callable[[Store, str], object]] = {
    "attach": lambda store, run_id: store.texts.attach_day(run_id, unanswered_too=True),
    "clean": lambda store, run_id: [store.texts.uncleaned(run_id), store.texts.count_pending(run_id)],
    "publish": lambda store, run_id: store.runs.count_rows(run_id),
    "charts": lambda store, _: watch(store, ANALYSER),
    "exporter": lambda store, _: take_snapshot(store.totals, Path()),
    "report": lambda store, run_id: facts_of(store, run_id),
}


def reads_one_row(sql: str, given: tuple[Any, ...]) -> bool:
    """Whether a scan of an index ends with its first row."""
    return sql.endswith("LIMIT ? OFFSET ?") and given[-2:] == (1, 0)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("work", WORK)
def test_a_days_work_scans_nothing_that_grows_with_each_verbatim(store: Store, work: str) -> None:
    run_id = store.runs.start("sandbox", "test", date(2026, 1, 2))
    list(store.texts.add(run_id, [Review("shop", "a", "merci", 1)]))
    with statements(store) as found:
        WORK[work](store, run_id)
    with store.database.read() as connection:
        plans = [
            row[3]
            for sql, given in found
            if isinstance(given, tuple) and not reads_one_row(sql, given)
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)
        ]
    assert len(plans) > 2
    scans = [one for one in plans if re.match(rf"SCAN ({HELD})\b", one) and not re.search(OPEN_ONES, one)]
    by_all_days = [one for one in plans if "texts_by_day (seen_on<?)" in one]
    assert scans + by_all_days == []
