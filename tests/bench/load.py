"""Rows a second into an SQLite warehouse: `python -m tests.bench.load` (half a minute).

rows    `SqliteWarehouse.load_rows` alone: checking the rows, and writing them
again   the same rows once more: nothing changes
stage   what the load stage does: finding what is due in the store, making rows, loading, noting what was sent

Each in CPU time of this process, since the disk is the machine's; the median of ROUNDS. The last line is a JSON object.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from pipeline.analyse.analyser import define
from pipeline.analyse.policy import FINAL_OUTCOMES
from pipeline.analyse.topics import load_topics
from pipeline.claiming import CompletedRequest
from pipeline.delivery import deliver
from pipeline.load import open_warehouse
from pipeline.records import Analysis, Ask, Attempt, NewTopic, Outcome, Review, Sentiment, WarehouseRow
from pipeline.store import Decision, Store, open_store
from pipeline.store.rows import rows_of
from pipeline.store.tables import texts

from .measured import text_of

ROWS, PAGE, ROUNDS = 20_000, 500, 3


def fill(store: Store, count: int) -> None:
    """A run of so many verbatims, all answered; every tenth names a new topic."""
    run_id = store.runs.start("sandbox", "bench")
    list(store.texts.add(run_id, (Review("shop", str(n), text_of(n), n + 1) for n in range(count))))
    for page in store.texts.uncleaned(run_id):
        store.texts.decide(run_id, [Decision(one.text_id, one.source, None) for one in page])
    claims, after = store.claims(run_id, define("sandbox", load_topics(None)), FINAL_OUTCOMES), 0
    while found := claims.pending(after, PAGE):
        after = found[-1].text_id
        asks = [Ask(one.verbatim_id, one.text, f"{one.text_id:064x}", one.source, one.text_id) for one in found]
        claims.commit([CompletedRequest(one, (_attempt(one),), None, False) for one in claims.take(asks).asks])
    claims.release()


def _attempt(ask: Ask) -> Attempt:
    new = (NewTopic("Emballage", "Le soin de l'emballage.", "deux jours"),) if ask.text_id % 10 == 0 else ()
    answer = Analysis("Livraison en retard, vendeur réactif.", Sentiment.MIXED, ("delivery",), new)
    now = datetime.now(UTC)
    return Attempt(Outcome.ANALYSED, "sandbox", now, 0.05, 120, 50, 0.0004, analysis=answer, raw="{}")


def measure(folder: Path) -> dict[str, list[float]]:
    """Rows a second, by what was measured."""
    found: dict[str, list[float]] = defaultdict(list)
    with closing(open_store(f"sqlite:///{folder}/store.db")) as store:
        fill(store, ROWS)
        pages = list(_pages(store))
        for number in range(ROUNDS):
            with closing(open_warehouse(f"sqlite:///{folder}/rows{number}.db", sandbox=True)) as warehouse:
                for name in ("rows", "again"):
                    found[name].append(_rate(lambda: warehouse.load_rows(pages)))
            with closing(open_warehouse(f"sqlite:///{folder}/stage{number}.db", sandbox=True)) as warehouse:
                found["stage"].append(_rate(lambda: deliver(store, warehouse, lambda rows, usd: None)))
    return found


def _pages(store: Store) -> Iterator[Sequence[WarehouseRow]]:
    with store.database.read() as connection:
        ids = list(connection.execute(sa.select(texts.c.verbatim_id)).scalars())
        for at in range(0, len(ids), PAGE):
            yield list(rows_of(connection, ids[at : at + PAGE]).values())


def _rate(load: Callable[[], object]) -> float:
    began = time.process_time()
    load()
    return ROWS / (time.process_time() - began)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        found = {name: statistics.median(rates) for name, rates in measure(Path(folder)).items()}
    print("| what | rows a second of CPU |\n|---|---|")
    for name, rate in found.items():
        print(f"| {name} | {rate:,.0f} |")
    print(json.dumps({name: round(rate) for name, rate in found.items()}))


if __name__ == "__main__":
    main()
