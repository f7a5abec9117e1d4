"""What every panel has in common: its look, and its words in two languages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, heatmap, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as look
from grafana_foundation_sdk.models import dashboard, units
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from links import ALERTMANAGER, page
from palette import BLUE, OCHRE, ORDER, VERMILION, Look, Scale
from promql import PROMETHEUS, bucketed, query

from pipeline.telemetry.metric import Metric

OBJECTIVE_S = 8.0
"""p95 under 8 s: a bound of the histogram itself."""
NOTHING = "no data · pas de données"
HEIGHT = 8
ALERT_STATES = ("firing", "pending", "recovering", "noData", "error")
CELLS_FROM, CELLS_TO = -165, 100
"""The range of the heatmap's colours. It begins far below the lowest count, 1, so that a lone call has a colour from
the middle of the scheme, which stands out in both themes; from 100 on all cells look the same."""

Panel = stat.Panel | timeseries.Panel | heatmap.Panel | bargauge.Panel | table.Panel
P = TypeVar("P", bound=Panel)
Coloured = TypeVar("Coloured", stat.Panel, timeseries.Panel, bargauge.Panel)


def lines(title: str, fr: str, en: str, unit: str, *queries: prometheus.Dataquery, width: int = 12) -> timeseries.Panel:
    """Values over time."""
    legend = common.VizLegendOptions().show_legend(True).display_mode(look.LegendDisplayMode.LIST)
    panel = timeseries.Panel().legend(legend.placement(look.LegendPlacement.BOTTOM)).axis_soft_min(0)
    tooltip = common.VizTooltipOptions().mode(look.TooltipDisplayMode.MULTI).sort(look.SortOrder.DESCENDING)
    panel.tooltip(tooltip).line_width(2).fill_opacity(10).show_points(look.VisibilityMode.AUTO)
    if unit == units.PercentUnit:
        panel.min(0).max(1)
    return _asking(_described(panel, title, fr, en, width).unit(unit), queries)


def counts(
    title: str, fr: str, en: str, unit: str, *queries: prometheus.Dataquery, width: int = 12
) -> timeseries.Panel:
    """How many in each step of the time shown, as stairs; the legend says how many in all."""
    panel = lines(title, fr, en, unit, *queries, width=width)
    legend = common.VizLegendOptions().show_legend(True).display_mode(look.LegendDisplayMode.TABLE).calcs(["sum"])
    panel.legend(legend.placement(look.LegendPlacement.BOTTOM))
    # a value is about the step that ends where it stands
    return panel.line_interpolation(look.LineInterpolation.STEP_BEFORE).show_points(look.VisibilityMode.NEVER)


def numbers(title: str, fr: str, en: str, unit: str, *queries: prometheus.Dataquery, width: int = 8) -> stat.Panel:
    """A few numbers as they are now, each with its name, none with a colour that would have to be read."""
    panel = stat.Panel().color_mode(look.BigValueColorMode.NONE).graph_mode(look.BigValueGraphMode.NONE)
    panel.text_mode(look.BigValueTextMode.VALUE_AND_NAME).reduce_options(_last_value())
    return _asking(_described(panel, title, fr, en, width).unit(unit), queries)


def bars(title: str, fr: str, en: str, unit: str, *queries: prometheus.Dataquery, width: int = 8) -> bargauge.Panel:
    """Numbers beside each other, with their names."""
    panel = bargauge.Panel().orientation(look.VizOrientation.HORIZONTAL).reduce_options(_last_value()).min(0)
    panel.display_mode(look.BarGaugeDisplayMode.BASIC).value_mode(look.BarGaugeValueMode.TEXT)
    return _asking(_described(panel, title, fr, en, width).unit(unit), queries)


def cells(
    title: str,
    fr: str,
    en: str,
    unit: str,
    *queries: prometheus.Dataquery,
    width: int = 24,
    min_width: int = 80,
) -> table.Panel:
    """Numbers by what they are about, a row each; columns share the width, and none is out of sight."""
    asked = [each.format(PromQueryFormat.TABLE) for each in queries]
    panel = table.Panel().min_width(min_width).cell_options(look.TableAutoCellOptions(wrap_text=True))
    panel.override_by_regexp(".*", [dashboard.DynamicConfigValue("custom.wrapHeaderText", True)])
    return _asking(_described(panel, title, fr, en, width).unit(unit), asked)


def buckets(title: str, fr: str, en: str, metric: Metric, width: int = 24) -> heatmap.Panel:
    """A live histogram over time; its dots are exemplars, and each leads to the trace of one call."""
    # of Grafana's schemes, one that it turns around in the dark theme
    scheme = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64)
    panel = heatmap.Panel().color(scheme.min(CELLS_FROM).max(CELLS_TO)).cell_gap(1).exemplars_color(VERMILION)
    panel.hide_legend().y_axis(heatmap.YAxisConfig().unit(units.Seconds))
    panel.cell_values(heatmap.CellValues().unit(units.Short))
    asked = query(bucketed(metric), "{{le}}", exemplars=True).format(PromQueryFormat.HEATMAP)
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
    return panel.links([page("Alertmanager", ALERTMANAGER)]).span(width).height(HEIGHT)


def row(title: str) -> build.Row:
    """A heading over the panels that follow it."""
    return build.Row(title)


# -- what is shown how


def coloured(panel: Coloured, scale: Scale, *, named: bool = True) -> Coloured:
    """Give each series of a panel the look of its meaning, and its name in both languages."""
    for name, its in scale.items():
        properties = _look(its, line=isinstance(panel, timeseries.Panel))
        if named:
            properties.append(dashboard.DynamicConfigValue("displayName", f"{name} · {its.french}"))
        panel.override_by_name(name, properties)
    return panel


def in_order(panel: Coloured, *names: str, **french: str) -> Coloured:
    """The same for series that belong to no scale: named by the panel, or by a label's values, with their French."""
    looks = dict(zip((*names, *french), ORDER, strict=False))
    coloured(panel, {name: looks[name] for name in names}, named=False)
    return coloured(panel, {name: replace(looks[name], french=words) for name, words in french.items()})


def _look(its: Look, line: bool) -> list[dashboard.DynamicConfigValue]:
    properties = [dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": its.colour})]
    if line and its.dash:
        properties.append(dashboard.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": list(its.dash)}))
    return properties


def steps(*above: tuple[float, str]) -> build.ThresholdsConfig:
    """From which value on which colour. Never red against green, which one man in twelve can't tell."""
    colours = [dashboard.Threshold(None, BLUE), *(dashboard.Threshold(value, colour) for value, colour in above)]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(colours)


def dashed(panel: timeseries.Panel, *above: float) -> timeseries.Panel:
    """A dashed line at each value from which on an alert or an objective has something to say."""
    style = common.GraphThresholdsStyleConfig().mode(look.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(steps(*((value, OCHRE) for value in above))).thresholds_style(style)


def for_each(panel: timeseries.Panel, variable: str) -> timeseries.Panel:
    """The panel once for each chosen value of a variable, three beside each other."""
    return panel.repeat(variable).repeat_direction("h").max_per_row(3).span(24)


def said(no: str, yes: str, **more: str) -> list[dashboard.ValueMapping]:
    """Words instead of 0 and 1, and of further values."""
    texts = {"0": no, "1": yes} | {value.lstrip("_"): words for value, words in more.items()}
    results = {value: dashboard.ValueMappingResult(text=words) for value, words in texts.items()}
    return [dashboard.ValueMap(options=results)]


def column(unit: str, **more: object) -> list[dashboard.DynamicConfigValue]:
    """How one column or one of several numbers is shown."""
    return [dashboard.DynamicConfigValue(name, value) for name, value in {"unit": unit, **more}.items()]


def transformed(name: str, **options: object) -> dashboard.DataTransformerConfig:
    """A step between what Prometheus answers and what a table shows."""
    return dashboard.DataTransformerConfig(id_val=name, options=options)


def merged(
    table: table.Panel, names: dict[str, str], order: Sequence[str], sort: str | None = None, *, highest: bool = False
) -> table.Panel:
    """One row from several answers: columns in this order, under these names, sorted by one of them."""
    places = {name: place for place, name in enumerate(order)}
    chain = [
        transformed("merge"),
        transformed("organize", excludeByName={"Time": True}, indexByName=places, renameByName=names),
    ]
    if sort:
        falling = {"desc": True} if highest else {}
        chain.append(transformed("sortBy", fields={}, sort=[{"field": sort, **falling}]))
    return table.transformations(chain)


def _described(panel: P, title: str, fr: str, en: str, width: int) -> P:
    colour = build.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(BLUE)
    panel.title(title).description(_both(fr, en)).datasource(PROMETHEUS).span(width).height(HEIGHT)
    panel.color_scheme(colour).thresholds(steps()).no_value(NOTHING)
    return panel


def _asking(panel: P, queries: Iterable[prometheus.Dataquery]) -> P:
    for letter, asked in zip("ABCDEFGHIJKL", queries, strict=False):
        panel.with_target(asked.datasource(PROMETHEUS).ref_id(letter))
    return panel


def _both(fr: str, en: str) -> str:
    return f"FR: {fr}\n\nEN: {en}"


def _last_value() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
