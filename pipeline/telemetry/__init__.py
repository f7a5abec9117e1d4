"""Telemetry: ten metrics with fixed names, a trace for every Claude call, exemplars that link the two.

catalogue    every metric
metric       what it says of one: name, kind, unit, labels
instruments  creates the OpenTelemetry instruments, each counter starting at 0
reservoir    keeps exemplars until a newer one replaces them
observer     turns what the stages report into spans
budgets      gauges of the day's budget and of batches, which the store alone knows
claude       what requests to Claude meet: rate limits, errors
gen_ai       the metrics of the semantic conventions for generative AI
handlers     turns events into metrics
providers    set-up and shutdown
_otlp        export to the Collector
_requests    spans of HTTP requests

Call `start(...)` inside the process; pass the `observer` of the returned `Telemetry` to the stages.
"""

from pipeline.telemetry.catalogue import METRICS, TEN
from pipeline.telemetry.metric import Kind, Metric
from pipeline.telemetry.observer import TelemetryObserver, TelemetryRequestSpan
from pipeline.telemetry.providers import Telemetry, start

__all__ = [
    "METRICS",
    "TEN",
    "Kind",
    "Metric",
    "Telemetry",
    "TelemetryObserver",
    "TelemetryRequestSpan",
    "start",
]
