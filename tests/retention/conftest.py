"""A store of each kind, a warehouse, and runs of several days; the test sets the result of each verbatim."""

import hashlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from analysers import ANALYSER
from rich.console import Console

from pipeline.analyse.policy import FINAL_OUTCOMES, Step, next_step
from pipeline.claiming import CompletedRequest
from pipeline.journey import load
from pipeline.load import open_warehouse
from pipeline.progress import Terminal
from pipeline.records import Analysis, Ask, Attempt, NewTopic, Outcome, Review, Sentiment, SkipReason
from pipeline.session import Session
from pipeline.settings import load_settings
from pipeline.store import Claims, Decision, Store, StoreTotals
from pipeline.store.tables import metadata, runs, texts
from pipeline.telemetry import start

OLD, NEW = date(2026, 1, 1), date(2026, 3, 1)
BEFORE = date(2026, 2, 1)
"""Texts first seen before this day are to be erased."""

GOOD, REFUSED, OUTAGE, UNASKED, SKIPPED = "good", "refused", "outage", "unasked", "skipped"
"""The result of a verbatim in its run."""

TEXT_COLUMNS = ("text", "summary", "new_topics")
"""The warehouse's columns that hold personal text."""


def completed(ask: Ask, ended: Attempt) -> CompletedRequest:
    """A completed request, as the policy accepts it."""
    return CompletedRequest(ask, (ended,), None, next_step([ended], run_has_answers=True) is Step.FINAL)


OPEN = ("dead_letters", "pending")


class Scenario:
    """A nightly run without the network: scrape, clean, analyse, load."""

    def __init__(self, session: Session, warehouse: Path) -> None:
        self.session, self.store, self.warehouse = session, session.store, warehouse
        self._crawls = itertools.count()

    def run_night(self, day: date | None, verbatims: Mapping[str, tuple[str, str]], loads: bool = True) -> str:
        """Run one day on name → (text, result); return the run id."""
        run_id = self.scrape(day, {name: text for name, (text, _) in verbatims.items()})
        results = {text: result for text, result in verbatims.values()}
        self.clean(run_id, results)
        claims = self.store.claims(run_id, ANALYSER, FINAL_OUTCOMES)
        asks = self.asks(claims, results)
        taken = claims.take(asks)
        claims.commit([completed(ask, attempt(results[ask.text], ask.text)) for ask in taken.asks])
        claims.take(taken.waiting)
        claims.release()
        if loads:
            load(self.session, run_id)
        return run_id

    def load_all(self) -> None:
        """Load every run again."""
        for run_id in self.runs():
            load(self.session, run_id)

    def scrape(self, day: date | None, texts: Mapping[str, str]) -> str:
        run_id = self.store.runs.start("sandbox", "test", day)
        page = f"http://s/{next(self._crawls)}"  # changes with each crawl, so that known reviews are refreshed
        records = [
            Review("shop", name, text, number, f"{page}/{name}", 4.0, written_at=INSTANT)
            for number, (name, text) in enumerate(texts.items(), 1)
        ]
        list(self.store.texts.add(run_id, records))
        return run_id

    def clean(self, run_id: str, results: Mapping[str, str]) -> None:
        for page in self.store.texts.uncleaned(run_id):
            skipped = {v.text_id: SkipReason.TOO_SHORT if results.get(v.text) == SKIPPED else None for v in page}
            self.store.texts.decide(run_id, [Decision(v.text_id, v.source, skipped[v.text_id]) for v in page])

    def asks(self, claims: Claims, results: Mapping[str, str]) -> list[Ask]:
        found = [
            Ask(one.verbatim_id, one.text, key(one.text), one.source, one.text_id) for one in claims.pending(0, 100)
        ]
        return [ask for ask in found if results.get(ask.text, UNASKED) not in (UNASKED, SKIPPED)]

    def counts(self) -> dict[str, Any]:
        """Every count that is shown anywhere. Verbatims without an outcome are one number."""
        totals = self.store.totals
        # what is open now is no count: it ends with the erasure
        methods = [name for name in vars(StoreTotals) if not name.startswith("_") and name not in OPEN]
        return {name: getattr(totals, name)() for name in methods} | {one: self.count(one) for one in self.runs()}

    def runs(self) -> Sequence[str]:
        with self.store.database.read() as connection:
            return connection.execute(sa.select(runs.c.run_id).order_by(runs.c.run_id)).scalars().all()

    def count(self, run_id: str) -> dict[str, Any]:
        counts = asdict(self.store.runs.count(run_id).settled())
        undecided = counts["failed"].pop("failed", 0) + counts["skipped"].pop("withdrawn", 0)
        return counts | {"undecided": undecided}

    def rows(self, *, with_texts: bool) -> list[dict[str, Any]]:
        """The warehouse's rows, with or without their texts."""
        with closing(sqlite3.connect(self.warehouse)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute("SELECT * FROM verbatims_analysed_v2 ORDER BY verbatim_id").fetchall()
        return [{name: row[name] for name in row.keys() if with_texts or name not in TEXT_COLUMNS} for row in found]  # noqa: SIM118

    def dump(self) -> dict[str, list[Any]]:
        """Every row of every table of the store."""
        with self.store.database.read() as connection:
            return {
                table.name: [one._asdict() for one in connection.execute(sa.select(table).order_by(*table.primary_key))]
                for table in metadata.sorted_tables
            }

    def clear(self) -> None:
        with self.store.database.write() as connection:
            connection.execute(sa.update(texts).values(current=None))
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
        with closing(sqlite3.connect(self.warehouse)) as connection:
            connection.execute("DELETE FROM verbatims_analysed_v2")
            connection.execute("DELETE FROM verbatims_loads_v1")
            connection.commit()


INSTANT = "2025-12-31T21:22:23+00:00"


def key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def attempt(result: str, text: str) -> Attempt:
    """Claude's answer; it repeats the text wherever an answer can hold it."""
    outcome = {GOOD: Outcome.ANALYSED, REFUSED: Outcome.REFUSED, OUTAGE: Outcome.FAILED}[result]
    found = (NewTopic("cadeaux", "Tout sur les cadeaux.", text), NewTopic("cadeaux", "Encore.", f"{text} !"))
    analysis = Analysis(f"Dit : {text}", Sentiment.MIXED, ("delivery",), found) if result == GOOD else None
    sent = datetime(2026, 1, 2, tzinfo=UTC)
    return Attempt(outcome, "sandbox", sent, 0.5, 100, 10, 0.001, analysis, raw=json.dumps({"summary": text}))


@pytest.fixture
def scenario(store: Store, store_url: str, tmp_path: Path) -> Iterator[Scenario]:
    warehouse = tmp_path / "rows" / "rows.db"
    settings = load_settings({"STORE": store_url, "WAREHOUSE": f"sqlite:///{warehouse}"}, dotenv=None)
    open_warehouse(settings.warehouse_url, sandbox=True).close()
    with start(disabled=True) as telemetry, open(tmp_path / "words", "w") as words:
        progress = Terminal(Console(file=words), billed=False)
        yield Scenario(Session(settings, store, telemetry, progress), warehouse)
