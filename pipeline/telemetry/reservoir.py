"""An exemplar reservoir that keeps each bucket's last exemplar until a newer one replaces it."""

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
    """Keeps each bucket's last exemplar across collections.

    The SDK's reservoir is emptied at each collection, and the Collector keeps only the last point, so a spike's
    exemplar was gone before the scrape: 9 of 20 arrived, with this reservoir 20 of 20. Prometheus drops repeats.
    """

    def __init__(self, boundaries: Sequence[float] = (), **_aggregation: Any) -> None:
        self._boundaries = boundaries
        self._kept: dict[int, Exemplar] = {}
        self._lock = Lock()

    def offer(self, value: float, time_unix_nano: int, attributes: Attributes, context: Context) -> None:
        """Replace the exemplar of the value's bucket. An instrument without buckets has a single one."""
        span = get_current_span(context).get_span_context()
        # no attributes: those here are the ones a view has dropped from the point, and ours drops none
        exemplar = Exemplar({}, value, time_unix_nano, span.span_id, span.trace_id)
        with self._lock:
            # bisect_left: a bucket includes its upper bound, like Prometheus' `le`
            self._kept[bisect_left(self._boundaries, value)] = exemplar

    def collect(self, point_attributes: Attributes) -> list[Exemplar]:
        """The kept exemplars, in the order of their buckets; they stay in the reservoir."""
        with self._lock:
            return [self._kept[bucket] for bucket in sorted(self._kept)]


def keeping_view() -> View:
    """A view that gives every instrument a `KeepingReservoir` and changes nothing else."""
    # cast: the SDK declares that the factory takes a dict, but calls it with keywords or without arguments
    return View(instrument_name="*", exemplar_reservoir_factory=lambda _aggregation: cast(Any, KeepingReservoir))
