"""What a day of 1000 new records costs, by what the store holds: `python -m tests.bench.growth` (two minutes).

One SQLite store is filled further and further with the verbatims of earlier daily runs. At each size a day's run is
measured, step by step: CPU milliseconds of this process, and statements that the store is asked. Claude is left out:
each text is answered at once. Steps that only read are asked three times, of which the fastest counts.

`--sizes 1000 10000` ends sooner. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.analyse.analyser import define
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyse.topics import load_topics
from pipeline.claiming import CompletedRequest
from pipeline.clean import guess
from pipeline.delivery import deliver
from pipeline.evaluate.night import Night
from pipeline.exporter import Exporter
from pipeline.load import Warehouse, check, open_warehouse
from pipeline.records import Analysis, Ask, Attempt, NewTopic, Outcome, Review, Sentiment
from pipeline.report.facts import facts_of
from pipeline.store import Decision, Store, open_store
from pipeline.watching import watch

from .growth_store import A_DAY, SOURCES, days_before, fill
from .measured import text_of

SIZES = (1_000, 10_000, 100_000, 1_000_000)
IN_FLIGHT = 64
ANALYSER = define("sandbox", load_topics(None))


class Costs:
    """CPU milliseconds and statements, by step."""

    def __init__(self, store: Store) -> None:
        self.cpu_ms: dict[str, float] = {}
        self.statements: dict[str, int] = {}
        self._count = 0
        sa.event.listen(store.database.engine, "before_cursor_execute", self._note)

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """What the block costs, or, where the step was measured before, the less of both."""
        self._count, began = 0, time.process_time()
        yield
        took = (time.process_time() - began) * 1000
        self.cpu_ms[step] = min(took, self.cpu_ms.get(step, took))
        self.statements[step] = self._count

    def _note(self, *_: object) -> None:
        self._count += 1


class Bench:
    """A store and its warehouse in a folder, to which days are added."""

    def __init__(self, folder: Path, first: date) -> None:
        self._folder, self._next = folder, first
        self._store, self._warehouse = folder / "store.db", folder / "rows.db"
        self.held = 0

    def fill_to(self, size: int) -> None:
        """Add runs of earlier days until the store holds so many verbatims."""
        if (count := (size - self.held) // A_DAY) > 0:
            fill(self._store, self._warehouse, days_before(self._next + timedelta(days=count - 1), count), ANALYSER)
            self._next += timedelta(days=count)
            self.held += count * A_DAY

    def prime(self) -> None:
        """A day that is not counted, after which all is made that is made once."""
        night = self._next.isoformat()
        self.measure()
        guess(text_of(0))  # loads the language model
        with closing(open_store(f"sqlite:///{self._store}")) as store:
            store.nights.replace(night, {(ANALYSER.fingerprint, "shop", night): Night(0, {}, {}).as_counts()})

    def measure(self) -> Costs:
        """The next day's run."""
        day, self._next, self.held = self._next, self._next + timedelta(days=1), self.held + A_DAY
        with closing(open_store(f"sqlite:///{self._store}")) as store:
            costs = Costs(store)
            run_id = store.runs.start("sandbox", "bench", day)
            self._work(store, run_id, day, costs)
            for _ in range(3):
                self._look(store, run_id, costs)
        return costs

    def _work(self, store: Store, run_id: str, day: date, costs: Costs) -> None:
        reviews = [_review(day, number) for number in range(A_DAY)]
        with costs.of("scrape"):
            list(store.texts.add(run_id, reviews, store.texts.compare(reviews)))
        with costs.of("attach"):
            store.texts.attach_day(run_id, unanswered_too=True)
        with costs.of("clean"):
            for page in store.texts.uncleaned(run_id):
                store.texts.decide(run_id, [Decision(one.text_id, one.source, None) for one in page])
            store.texts.count_pending(run_id)
        with costs.of("analyse"):
            _analyse(store, run_id, day)
        with costs.of("load"), self._open_warehouse() as warehouse:
            deliver(store, warehouse, lambda rows, usd: None)
            store.runs.note_load(run_id, refused=0)
            store.runs.count_held(run_id)
        with costs.of("publish"):
            _publish(store, run_id, self._open_warehouse)
        with costs.of("charts"):
            watch(store, ANALYSER)

    def _look(self, store: Store, run_id: str, costs: Costs) -> None:
        with costs.of("count"):
            store.runs.count(run_id)
        with costs.of("exporter"):
            scrape: Any = Exporter(store.totals, "sandbox", self._folder)
            list(scrape({"PATH_INFO": "/metrics", "REQUEST_METHOD": "GET"}, lambda *_: None))
        with costs.of("failed"):
            store.runs.failures(run_id)
        with costs.of("report"):
            facts_of(store, run_id)

    @contextmanager
    def _open_warehouse(self) -> Iterator[Warehouse]:
        with closing(open_warehouse(f"sqlite:///{self._warehouse}", sandbox=True)) as warehouse:
            yield warehouse


def _review(day: date, number: int) -> Review:
    text = f"{text_of(number)} du {day}"
    return Review(SOURCES[number % 3], f"{day}-{number}", text, number + 1, rating=1.0 + number % 5, language="fr")


def _analyse(store: Store, run_id: str, day: date) -> None:
    """Each text is answered at once; a page of them is one commit."""
    claims, after = store.claims(run_id, ANALYSER, FINAL_OUTCOMES), 0
    sent_at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    while found := claims.pending(after, IN_FLIGHT):
        after = found[-1].text_id
        asks = [Ask(one.verbatim_id, one.text, f"{one.text_id:064x}", one.source, one.text_id) for one in found]
        ended = [CompletedRequest(one, (_attempt(one, sent_at),), None, True) for one in claims.take(asks).asks]
        claims.commit(ended)
        claims.success_ratio()
    claims.release()


def _attempt(ask: Ask, sent_at: datetime) -> Attempt:
    if ask.text_id % 100 == 7:
        return Attempt(Outcome.REFUSED, "sandbox", sent_at, 1.5, 120, 50, 0.0004)
    new = (NewTopic("Emballage", "Le soin de l'emballage.", "deux jours"),) if ask.text_id % 10 == 0 else ()
    answer = Analysis("Livraison en retard, vendeur réactif.", Sentiment.MIXED, ("delivery",), new)
    return Attempt(Outcome.ANALYSED, "sandbox", sent_at, 1.5, 120, 50, 0.0004, analysis=answer, raw="{}")


def _publish(store: Store, run_id: str, opened: Callable[[], Any]) -> None:
    counts = store.runs.count_rows(run_id)
    with opened() as warehouse:
        check(warehouse, run_id, asdict(counts), datetime.now(UTC).date())
    store.runs.finish(run_id)


def measure(folder: Path, sizes: list[int]) -> dict[int, Costs]:
    """What a day costs at each size. The first day of an empty store is not counted: it makes what is made once."""
    days = max(sizes) // A_DAY + 2 * len(sizes)
    bench = Bench(folder, datetime.now(UTC).date() - timedelta(days=days))
    bench.prime()
    found = {}
    for size in sorted(sizes):
        began = time.monotonic()
        bench.fill_to(size)
        bench.measure()  # not counted: it writes back what the filling has left in the caches
        print(f"{bench.held} verbatims after {time.monotonic() - began:.0f} s", flush=True)
        found[size] = bench.measure()
    return found


def table(found: dict[int, Costs]) -> str:
    """CPU milliseconds by step and size, with the statements at the largest."""
    last = found[max(found)]
    lines = [f"| CPU ms | {' | '.join(f'{size:,}' for size in found)} | statements |", "|---" * (len(found) + 2) + "|"]
    for step, statements in last.statements.items():
        lines.append(f"| {step} | {' | '.join(f'{one.cpu_ms[step]:.0f}' for one in found.values())} | {statements} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="verbatims that are there")
    sizes = parser.parse_args().sizes
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), sizes)
    print(table(found))
    as_json: dict[str, dict[int, float]] = defaultdict(dict)
    for size, costs in found.items():
        for step, cpu_ms in costs.cpu_ms.items():
            as_json[step][size] = round(cpu_ms, 1)
    print(json.dumps(as_json))


if __name__ == "__main__":
    main()
