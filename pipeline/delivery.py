"""From the store into the warehouse: the rows that are due, of any run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from pipeline.load import Load, Warehouse
from pipeline.progress import Advance
from pipeline.records import WarehouseRow
from pipeline.store import Due, Loading, Store

CHUNK = 50_000
"""Rows per job of the warehouse: what is kept in memory until they are noted as sent, some 10 MB."""

PASSES = 3
"""How often what has become due meanwhile is brought too, as by an erasure; the next load brings the rest."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a delivery came to."""

    by_run: Counter[str] = field(default_factory=Counter)
    """Run → how many of the rows that it has made were brought."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Verbatim → why the warehouse refused its row, without its values."""


def deliver(
    store: Store,
    warehouse: Warehouse,
    advance: Advance,
    say: Callable[[str], None] = lambda _: None,
    *,
    erased: bool = False,
) -> Delivered:
    """Bring what is due; `erased`: only rows whose words are gone. What was brought before a failure stays noted.

    Raises TransientError where the warehouse is out of reach or full.
    """
    delivered = Delivered()
    with store.deliveries.exclusive(lambda: say("waiting for another load or erasure of this store to end")):
        loading = store.deliveries.start_load(warehouse.marks())
        note_job = partial(store.deliveries.note_job, loading)
        warehouse.start_load(Load(loading.identity, loading.number, loading.last_job, note_job))
        for _ in range(PASSES):
            pages = store.deliveries.due(loading, erased=erased)
            if not _bring(store, warehouse, loading, pages, delivered, advance):
                break
        if erased:
            warehouse.drop_staged()
    return delivered


def _bring(
    store: Store, warehouse: Warehouse, loading: Loading, pages: Iterator[Due], delivered: Delivered, advance: Advance
) -> bool:
    """One pass over what is due; returns whether there was any that is not refused anyway."""
    brought = False
    while True:
        chunk = _Chunk(pages, delivered, advance)
        loaded = warehouse.load_rows(chunk.rows(), chunk.gone())
        if not chunk.changes:
            return brought
        brought = True
        rejected = {row.verbatim_id: row.problem for row in loaded.refused}
        delivered.rejected.update(rejected)
        warehouse.mark(loading.identity, loading.number)
        store.deliveries.settle(loading, chunk.changes, rejected)
        store.deliveries.finish_load(loading)


class _Chunk:
    """So many of the pages as one job takes; remembers what it has given."""

    def __init__(self, pages: Iterator[Due], delivered: Delivered, advance: Advance) -> None:
        self._pages = pages
        self._delivered = delivered
        self._advance = advance
        self._gone: list[str] = []
        self.changes: dict[str, int] = {}

    def rows(self) -> Iterator[Sequence[WarehouseRow]]:
        """Pages of rows; those that this delivery has seen refused are not tried again."""
        refused = self._delivered.rejected
        for page in self._pages:
            self.changes |= {identity: change for identity, change in page.changes.items() if identity not in refused}
            self._gone += page.gone
            rows = [row for row in page.rows if row.verbatim_id not in refused]
            yield rows
            self._delivered.by_run.update(row.run_id for row in rows)
            self._advance(len(rows), 0.0)
            if len(self.changes) >= CHUNK:
                return

    def gone(self) -> Iterator[str]:
        """Verbatims whose rows go; to be asked once all rows were given."""
        yield from self._gone
