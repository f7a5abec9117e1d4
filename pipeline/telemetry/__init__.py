"""What happens, made visible: ten metrics with fixed names, a trace for every Claude call, exemplars between them.

catalogue    every metric, once
instruments  the catalogue as instruments, each counter from 0
reservoir    exemplars that stay until a newer one comes
observer     what stages say → spans and metrics
providers    set-up, live values, shutdown

`start(...)` inside the process gives a `Telemetry`; its `observer` is what the stages talk to.
"""

from pipeline.telemetry.catalogue import METRICS, TEN, Kind, Metric
from pipeline.telemetry.observer import TelemetryObserver, TelemetryRequestSpan
from pipeline.telemetry.providers import MetricSample, Telemetry, start

__all__ = [
    "METRICS",
    "TEN",
    "Kind",
    "Metric",
    "MetricSample",
    "Telemetry",
    "TelemetryObserver",
    "TelemetryRequestSpan",
    "start",
]
