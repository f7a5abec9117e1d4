"""The exemplar reservoir that remembers: one exemplar a bucket, until a newer one takes its place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from threading import Lock
from typing import Any, cast

from opentelemetry.context import Context
from opentelemetry.sdk.metrics import Exemplar, ExemplarReservoir
from opentelemetry.sdk.metrics.view import View
from opentelemetry.trace import get_current_span
from opentelemetry.util.types import Attributes


class KeepingReservoir(ExemplarReservoir):
    """Keeps each bucket's last exemplar over collections.

    The SDK's own empties itself at each collection, and the Collector shows the last point only: a spike's exemplar
    was gone before the scrape (9 of 20 processes' arrived; with this one 20 of 20). Prometheus drops the repeats.
    """

    def __init__(self, boundaries: Sequence[float] = (), **_aggregation: Any) -> None:
        self._boundaries = boundaries
        self._kept: dict[int, Exemplar] = {}
        self._lock = Lock()

    def offer(self, value: float, time_unix_nano: int, attributes: Attributes, context: Context) -> None:
        """Replace the exemplar of the bucket that the value falls into. An instrument without buckets has one."""
        span = get_current_span(context).get_span_context()
        # no attributes: the points keep all of theirs, so nothing is left over for the exemplar
        exemplar = Exemplar({}, value, time_unix_nano, span.span_id, span.trace_id)
        with self._lock:
            self._kept[bisect_left(self._boundaries, value)] = exemplar

    def collect(self, point_attributes: Attributes) -> list[Exemplar]:
        """What is kept, in the order of the buckets; it stays."""
        with self._lock:
            return [self._kept[bucket] for bucket in sorted(self._kept)]


def keeping_view() -> View:
    """Gives every instrument of a provider the reservoir that remembers; changes nothing else."""
    # the builder's declared type, one dict, is not how the SDK calls it: with keywords, or with none
    return View(instrument_name="*", exemplar_reservoir_factory=lambda _aggregation: cast(Any, KeepingReservoir))
