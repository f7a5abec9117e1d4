"""How the dashboards ask Prometheus: one function for each kind of question."""

from __future__ import annotations

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import common as look

from pipeline.telemetry.catalogue import ENVIRONMENT_LABEL
from pipeline.telemetry.metric import Metric

PROMETHEUS = look.DataSourceRef(type_val="prometheus", uid="prometheus")
MIN_STEP = "1m"
"""Four scrapes: each step has something new to show."""
SEEN = "5m"
"""As far back as Prometheus itself looks for a sample."""
ENOUGH = 20
"""Calls in a step from which on a quantile says something; as in the alert SlowAnalysis."""


def series(name: str, *picked: str) -> str:
    """Those of the environment chosen at the top: sums over sandbox and prod would mix billed and unbilled dollars."""
    matchers = ", ".join((f'{ENVIRONMENT_LABEL}="$environment"', *picked))
    return f"{name}{{{matchers}}}"


def grown(counter: str, by: str = "") -> str:
    """What a counter grew by in each step, exactly: the steps of a panel add up to the whole, at any zoom.

    `counter` is a selector. Its value at the end of the step, less that at its beginning. A series that has none at
    the beginning started within the step, at 0, or Prometheus saw nothing before: then its lowest value counts, so
    that an outage does not show thirty hours of counts as one bar. `last_over_time` carries a value over a missed
    scrape. `rate` and `increase` would extrapolate, and would not see a jump between two windows that don't overlap.
    """
    before = f"last_over_time({counter}[{SEEN}] offset $__interval) or min_over_time({counter}[$__interval])"
    over = f"sum by ({by}) " if by else "sum"
    return f"{over}(last_over_time({counter}[{SEEN}]) - ({before}))"


def counted(metric: Metric, by: str = "", *picked: str) -> str:
    """What a live counter grew by in each step, over all processes."""
    return grown(series(metric.prometheus_name, *picked), by)


def seen(metric: Metric, by: str) -> str:
    """Those values of a label that a live counter has counted in the time shown: most of a large set never occur."""
    return f"sum by ({by}) (max_over_time({series(metric.prometheus_name)}[$__range] @ end())) > 0"


def per_minute(expr: str) -> str:
    """What grew in a step, as so much a minute."""
    return f"{expr} * 60000 / $__interval_ms"


def bucketed(metric: Metric) -> str:
    """How many values fell under each bound of a live histogram, in each step, over all processes."""
    return grown(series(f"{metric.prometheus_name}_bucket"), "le")


def mean(metric: Metric) -> str:
    """The mean of a live histogram's values in each step, over all processes; nothing where there was none."""
    total, number = (grown(series(f"{metric.prometheus_name}_{part}")) for part in ("sum", "count"))
    return f"{total} / ({number} > 0)"


def quantile(metric: Metric, q: float) -> str:
    """Of a live histogram, over all processes, in each step that has enough values."""
    calls = grown(series(f"{metric.prometheus_name}_count"))
    return f"histogram_quantile({q}, {bucketed(metric)}) and on () ({calls} >= {ENOUGH})"


def shown(metric: Metric, suffix: str = "", by: str = "") -> str:
    """What all processes that the Collector still shows have counted, those that ended too."""
    over = f"sum by ({by}) " if by else "sum"
    return f"{over}({series(metric.prometheus_name + suffix)})"


def reported(metric: Metric, *picked: str) -> str:
    """A live gauge: one series, of the process that reported last."""
    return f"max without (instance) ({series(metric.prometheus_name, *picked)})"


def store(metric: Metric, suffix: str = "", *picked: str) -> str:
    """What the exporter shows, a total since the first run or a gauge, as Prometheus calls it."""
    return series(f"store_{metric.prometheus_name}{suffix}", *picked)


def query(expr: str, legend: str = "", *, exemplars: bool = False, step: str = MIN_STEP) -> prometheus.Dataquery:
    """Over the time shown."""
    asked = prometheus.Dataquery().expr(expr).legend_format(legend).range().interval(step)
    return asked.exemplar(True) if exemplars else asked


def latest(expr: str, legend: str = "") -> prometheus.Dataquery:
    """At the end of the time shown only."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).instant()
