"""What every panel has in common: its look, its words in two languages, and how it asks Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypeVar, cast
from urllib.parse import quote

from grafana_foundation_sdk.builders import bargauge, common, heatmap, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as look
from grafana_foundation_sdk.models import dashboard, units
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from pipeline.telemetry.catalogue import ENVIRONMENT_LABEL
from pipeline.telemetry.metric import Metric

PROMETHEUS = look.DataSourceRef(type_val="prometheus", uid="prometheus")
OBJECTIVE_S = 8.0
"""p95 under 8 s: a bound of the histogram itself."""
LATE_S = 26 * 3600
"""A run a night, and two hours for a slow one. The alert NoRun knows the deadline of each DAG."""
MIN_STEP = "15s"
"""The scrape interval. $__rate_interval is at least four of it, and at least the step and one more: no jump falls
between two windows, be the process ever so short-lived."""
COUNTED_ONCE = "1m"
"""Four scrapes, for a window that is as long as the step: one that is longer counts each call several times."""

NOTHING = "no data · pas de données"
ALERTMANAGER = "http://127.0.0.1:9093"
"""Where a browser finds it; Grafana itself asks the data source."""
HEIGHT = 8
ALERT_STATES = ("firing", "pending", "recovering", "noData", "error")
VERBATIM_SPAN, ATTEMPT_SPAN = "analyse verbatim", "attempt"
"""The span around all attempts for one verbatim, and that of one attempt, as the observer names them."""

Panel = stat.Panel | timeseries.Panel | heatmap.Panel | bargauge.Panel | table.Panel
P = TypeVar("P", bound=Panel)


# -- queries


def series(name: str, *picked: str) -> str:
    """Those of the environment chosen at the top: sums over sandbox and prod would mix billed and unbilled dollars."""
    matchers = ", ".join((f'{ENVIRONMENT_LABEL}="$environment"', *picked))
    return f"{name}{{{matchers}}}"


def live(metric: Metric, per_s: int = 60) -> str:
    """How fast a live counter grows, a minute unless told otherwise, over all processes."""
    return f"sum without (instance) (rate({series(metric.prometheus_name)}[$__rate_interval])) * {per_s}"


def shown(metric: Metric, suffix: str = "", by: str = "") -> str:
    """What all processes that the Collector still shows have counted, those that ended too."""
    over = f"sum by ({by}) " if by else "sum"
    return f"{over}({series(metric.prometheus_name + suffix)})"


def reported(metric: Metric) -> str:
    """A live gauge: one series, of the process that reported last."""
    return f"max without (instance) ({series(metric.prometheus_name)})"


def quantile(metric: Metric, q: float) -> str:
    """Of a live histogram, over all processes."""
    bucket = series(f"{metric.prometheus_name}_bucket")
    return f"histogram_quantile({q}, sum by (le) (rate({bucket}[$__rate_interval])))"


def store(metric: Metric, suffix: str = "") -> str:
    """A total since the first run, as Prometheus calls what the exporter shows."""
    return series(f"store_{metric.prometheus_name}{suffix}")


def query(expr: str, legend: str = "", *, exemplars: bool = False) -> prometheus.Dataquery:
    """Over the time shown."""
    asked = prometheus.Dataquery().expr(expr).legend_format(legend).range().interval(MIN_STEP)
    return asked.exemplar(True) if exemplars else asked


def latest(expr: str, legend: str = "") -> prometheus.Dataquery:
    """At the end of the time shown only."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).instant()


def traces(title: str, traceql: str) -> build.DashboardLink:
    """A link to the traces of the time shown; Grafana fills in what stands in ${…}."""
    asked = {"refId": "A", "datasource": {"type": "tempo", "uid": "tempo"}, "queryType": "traceql", "query": traceql}
    panes = {"t": {"datasource": "tempo", "queries": [asked], "range": {"from": "${__from}", "to": "${__to}"}}}
    encoded = re.sub(r"%24%7B([\w.]+)%7D", r"${\1}", quote(json.dumps(panes, separators=(",", ":")), safe=""))
    return build.DashboardLink(title).url(f"/explore?schemaVersion=1&orgId=1&panes={encoded}").target_blank(True)


# -- panels


def lines(title: str, fr: str, en: str, unit: str, *queries: prometheus.Dataquery, width: int = 12) -> timeseries.Panel:
    """Values over time."""
    legend = common.VizLegendOptions().show_legend(True).display_mode(look.LegendDisplayMode.LIST)
    panel = timeseries.Panel().legend(legend.placement(look.LegendPlacement.BOTTOM)).axis_soft_min(0)
    tooltip = common.VizTooltipOptions().mode(look.TooltipDisplayMode.MULTI).sort(look.SortOrder.DESCENDING)
    panel.tooltip(tooltip).line_width(2).fill_opacity(10).show_points(look.VisibilityMode.AUTO)
    if unit == units.PercentUnit:
        panel.min(0).max(1)
    return _asking(_described(panel, title, fr, en, width).unit(unit), queries)


def numbers(title: str, fr: str, en: str, unit: str, *queries: prometheus.Dataquery, width: int = 6) -> stat.Panel:
    """A few numbers as they are now, each with its name, none with a colour that would have to be read."""
    panel = stat.Panel().color_mode(look.BigValueColorMode.NONE).graph_mode(look.BigValueGraphMode.NONE)
    panel.text_mode(look.BigValueTextMode.VALUE_AND_NAME).reduce_options(_last_value())
    return _asking(_described(panel, title, fr, en, width).unit(unit), queries)


def bars(title: str, fr: str, en: str, unit: str, *queries: prometheus.Dataquery, width: int = 6) -> bargauge.Panel:
    """Numbers beside each other, with their names."""
    panel = bargauge.Panel().orientation(look.VizOrientation.HORIZONTAL).reduce_options(_last_value()).min(0)
    panel.display_mode(look.BarGaugeDisplayMode.BASIC).value_mode(look.BarGaugeValueMode.TEXT)
    return _asking(_described(panel, title, fr, en, width).unit(unit), queries)


def cells(title: str, fr: str, en: str, unit: str, *queries: prometheus.Dataquery, width: int = 12) -> table.Panel:
    """Numbers by what they are about, a row each."""
    asked = [each.format(PromQueryFormat.TABLE) for each in queries]
    return _asking(_described(table.Panel(), title, fr, en, width).unit(unit), asked)


def buckets(title: str, fr: str, en: str, metric: Metric, width: int = 12) -> heatmap.Panel:
    """A live histogram over time; its dots are exemplars, and each leads to the trace of one call."""
    scheme = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Cividis").steps(64)
    panel = heatmap.Panel().color(scheme).cell_gap(1).exemplars_color("rgb(255, 0, 255)").show_legend()
    panel.y_axis(heatmap.YAxisConfig().unit(units.Seconds)).cell_values(heatmap.CellValues().unit(units.Short))
    bucket = series(f"{metric.prometheus_name}_bucket")
    counts = f"sum by (le) (increase({bucket}[$__interval]))"
    asked = query(counts, "{{le}}", exemplars=True).format(PromQueryFormat.HEATMAP).interval(COUNTED_ONCE)
    return _asking(_described(panel, title, fr, en, width), [asked])


def words(title: str, fr: str, en: str, markdown: str, height: int) -> text.Panel:
    """Something to read."""
    panel = text.Panel().title(title).description(_both(fr, en)).content(markdown).transparent(True)
    return panel.span(24).height(height)


def alert_list(title: str, fr: str, en: str, width: int) -> build.Panel:
    """The alerts that Prometheus evaluates, under a heading each: how bad it is, then what it is."""
    states = {state: state in ("firing", "pending", "error") for state in (*ALERT_STATES, "normal")}
    options = {
        "viewMode": "list",
        "groupMode": "custom",
        # labels that every alert has: others would be listed without a heading
        "groupBy": ["severity", "alertname"],
        "maxItems": 50,
        "sortOrder": 3,  # by importance
        "dashboardAlerts": False,
        "alertName": "",
        "alertInstanceLabelFilter": '{severity!="none"}',  # without Watchdog, which always fires
        "datasource": "Prometheus",  # by its name: this panel knows no uid
        "showInactiveAlerts": False,
        "stateFilter": states,
    }
    panel = build.Panel().type("alertlist").title(title).description(_both(fr, en)).options(options)
    link = build.DashboardLink("Alertmanager").url(ALERTMANAGER).target_blank(True)
    return panel.links([link]).span(width).height(HEIGHT)


def row(title: str) -> build.Row:
    """A heading over the panels that follow it."""
    return build.Row(title)


# -- what is shown how


def steps(*above: tuple[float, str]) -> build.ThresholdsConfig:
    """From which value on which colour; blue below. Never red against green, which one man in twelve can't tell."""
    colours = [dashboard.Threshold(None, "blue"), *(dashboard.Threshold(value, colour) for value, colour in above)]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(colours)


def dashed(panel: timeseries.Panel, *above: tuple[float, str]) -> timeseries.Panel:
    """A dashed line at each value from which on an alert or an objective has something to say."""
    style = common.GraphThresholdsStyleConfig().mode(look.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(steps(*above)).thresholds_style(style)


def said(no: str, yes: str) -> list[dashboard.ValueMapping]:
    """Words instead of 0 and 1."""
    results = {"0": dashboard.ValueMappingResult(text=no), "1": dashboard.ValueMappingResult(text=yes)}
    return [dashboard.ValueMap(options=results)]


def column(unit: str, **more: object) -> list[dashboard.DynamicConfigValue]:
    """How one column or one of several numbers is shown."""
    return [dashboard.DynamicConfigValue(name, value) for name, value in {"unit": unit, **more}.items()]


def transformed(name: str, **options: object) -> dashboard.DataTransformerConfig:
    """A step between what Prometheus answers and what a table shows."""
    return dashboard.DataTransformerConfig(id_val=name, options=options)


def _described(panel: P, title: str, fr: str, en: str, width: int) -> P:
    # the SDK's enum lacks this palette, which Grafana has from 13 on
    colour = build.FieldColor().mode(cast(dashboard.FieldColorModeId, "palette-colorblind"))
    panel.title(title).description(_both(fr, en)).datasource(PROMETHEUS).span(width).height(HEIGHT)
    panel.color_scheme(colour).thresholds(steps()).no_value(NOTHING)
    return panel


def _asking(panel: P, queries: Iterable[prometheus.Dataquery]) -> P:
    for letter, asked in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(asked.datasource(PROMETHEUS).ref_id(letter))
    return panel


def _both(fr: str, en: str) -> str:
    return f"FR: {fr}\n\nEN: {en}"


def _last_value() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
