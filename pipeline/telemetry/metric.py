"""What the catalogue says of a metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product


class Kind(StrEnum):
    """The kind of OpenTelemetry instrument."""

    COUNTER = "counter"
    UP_DOWN_COUNTER = "up_down_counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric of the catalogue."""

    name: str
    """The OpenTelemetry name."""
    kind: Kind
    unit: str
    """In UCUM. A unit in braces adds nothing to the Prometheus name; `s` appends `_seconds`."""
    description: str
    prometheus_name: str
    """The name in Prometheus. Collector and exporter produce the same one; a test checks it."""
    attributes: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    """Label → its possible values, or None for an open set (`source`)."""
    bounds: tuple[float, ...] = ()
    """Bucket bounds of a histogram, in its unit."""

    @property
    def open_labels(self) -> frozenset[str]:
        """The labels whose values form an open set."""
        return frozenset(label for label, values in self.attributes.items() if values is None)

    def known(self, **seen: str) -> list[dict[str, str]]:
        """Every combination of label values; `seen` gives a value for each open label, and without it there is none."""
        choices = [values or (seen[label],) for label, values in self.attributes.items() if values or label in seen]
        if len(choices) < len(self.attributes):
            return []
        return [dict(zip(self.attributes, values, strict=True)) for values in product(*choices)]
