"""The store's totals at one moment, for the exporter: read once, however many scrapes ask."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.store import StoreTotals
from pipeline.telemetry import budgets, catalogue
from pipeline.telemetry.metric import Kind, Metric
from pipeline.totals import STORE_ONLY, read_totals

FRESH_S = 1.0
"""A scrape within this time of the last read is answered from it."""

WAIT_S = 8.0
"""How long a scrape waits for a read: Prometheus gives up after 10 s."""

Labels = tuple[str, ...]
"""Label values in the catalogue's order."""


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """The store's totals at one moment."""

    series: Mapping[Metric, Mapping[Labels, float]]
    durations: Mapping[str, tuple[int, float]]
    """Outcome → number of attempts, and their seconds."""
    starts: Mapping[Metric, Mapping[Labels, float]] = field(default_factory=dict)
    """Counters that an earlier read did not have → when that was, in seconds since 1970: there they were 0."""


def take_snapshot(totals: StoreTotals, disk: Path, budget_usd: float | None = None) -> StoreSnapshot:
    """Read all totals, and the disk's space. Raises what the database raises."""
    stored = read_totals(totals) | {metric: read(totals) for metric, read in STORE_ONLY.items()}
    found = stored | _space(disk) | {budgets.BUDGET: {} if budget_usd is None else {(): budget_usd}}
    sources = sorted({source for metric in (catalogue.ANALYZED, catalogue.SKIPPED) for source, _ in found[metric]})
    zeros = {labels["outcome"]: (0, 0.0) for labels in catalogue.DURATION.known()}
    return StoreSnapshot(
        {metric: _zeros(metric, sources) | dict(values) for metric, values in found.items()},
        zeros | dict(totals.durations()),
    )


def _space(disk: Path) -> dict[Metric, Mapping[Labels, float]]:
    usage = shutil.disk_usage(disk)
    return {catalogue.DISK_FREE: {(): usage.free}, catalogue.DISK_SIZE: {(): usage.total}}


def _zeros(metric: Metric, sources: Sequence[str]) -> dict[Labels, float]:
    """0 for every known label value, as in the running processes."""
    # a gauge has no neutral value: 0 would be a false measurement
    if metric.kind is Kind.GAUGE:
        return {}
    known = [metric.known(source=source) for source in sources] if metric.open_labels else [metric.known()]
    return {tuple(labels.values()): 0 for combinations in known for labels in combinations}


class SnapshotReader:
    """Gives each scrape the current snapshot: one read at a time, whose result all scrapes share that wait for it.

    A scrape that has given up leaves no second read behind.
    """

    def __init__(self, take: Callable[[], StoreSnapshot]) -> None:
        self._take = take
        self._lock = threading.Lock()
        self._reading: Future[StoreSnapshot] | None = None
        self._read_at = 0.0
        self._starts = _Starts()

    def read(self) -> StoreSnapshot:
        """Raises TimeoutError where the read takes longer than a scrape can wait, else what the read raises."""
        with self._lock:
            if self._reading is None or (self._reading.done() and not self._is_fresh(self._reading)):
                self._reading = Future()
                threading.Thread(target=self._fill, args=(self._reading,), name="store read", daemon=True).start()
            reading = self._reading
        return reading.result(WAIT_S)

    def _is_fresh(self, ended: Future[StoreSnapshot]) -> bool:
        return ended.exception() is None and time.monotonic() - self._read_at < FRESH_S

    def _fill(self, reading: Future[StoreSnapshot]) -> None:
        began = time.time()
        try:
            snapshot = self._starts.complete(self._take(), began)
        except BaseException as error:  # handed to the scrapes that wait
            reading.set_exception(error)
        else:
            self._read_at = time.monotonic()
            reading.set_result(snapshot)


class _Starts:
    """Notes when counters of a new label value were still absent.

    Such a counter appears with its first count, of which `increase()` sees nothing: 329 of 480 verbatims of a new
    source were counted. With a start Prometheus puts a 0 there.
    """

    def __init__(self) -> None:
        self._known: dict[Metric, set[Labels]] = {}
        self._starts: dict[Metric, dict[Labels, float]] = {}
        self._last: float | None = None

    def complete(self, snapshot: StoreSnapshot, began: float) -> StoreSnapshot:
        """The snapshot with the starts of what has appeared since this process first read the store."""
        for metric, values in snapshot.series.items():
            if metric.kind is Kind.COUNTER:
                known = self._known.setdefault(metric, set())
                if self._last is not None:
                    new = dict.fromkeys(values.keys() - known, self._last)
                    self._starts.setdefault(metric, {}).update(new)
                known.update(values)
        self._last = began
        starts = {metric: dict(values) for metric, values in self._starts.items()}
        return StoreSnapshot(snapshot.series, snapshot.durations, starts)
