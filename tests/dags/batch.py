"""Batch metrics as an OTLP receiver has got them."""

from __future__ import annotations

from otlp_receiver import Receiver


def tries(receiver: Receiver) -> dict[str, float]:
    """The last batch_try of each task; a task that has left no batch metrics is not among them."""
    found: dict[str, float] = {}
    for request in receiver.metrics:
        for metric in (m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics):
            if metric.name == "batch_try":
                for point in metric.gauge.data_points:
                    labels = {label.key: label.value.string_value for label in point.attributes}
                    found[labels["task_id"]] = float(point.as_double or point.as_int)
    return found
