"""What is drawn, as Vega-Lite. Each mark says in words what it shows; what marks mean never hangs on their colour."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.report.drawing import WIDTH, drawable

LABELS = 130
"""Pixels for the labels at the left; the rest of WIDTH is the picture."""
PLOT = WIDTH - LABELS
ROW = 18

Chart = dict[str, Any]
Marks = Iterable[Mapping[str, Any]]


def waterfall(marks: Marks) -> Chart:
    """Bars that hang on one another. Marks: label, start, end, colour, said."""
    values = _keyed(marks)
    whole = max(one["end"] for one in values) or 1
    return _bars(values, x={**_measure("start"), "scale": {"domain": [0, whole]}}, x2={"field": "end"})


def bars(marks: Marks, number_format: str = "d", unit: str | None = None) -> Chart:
    """Bars from zero. Marks: label, value, colour, said. `unit` stands below the axis."""
    return _bars(_keyed(marks), x=_measure("value", number_format, unit=unit))


def _bars(values: Sequence[Mapping[str, Any]], **measures: Chart) -> Chart:
    return {
        "data": {"values": values},
        "width": PLOT,
        "height": {"step": ROW},
        "mark": {"type": "bar"},
        "encoding": {"y": _rows(values), **measures, **_look()},
    }


def shares_of_groups(marks: Marks, names: Sequence[str]) -> Chart:
    """For each group a bar per name. Marks: group, label, value (0 to 1), colour, said."""
    values = list(marks)
    return {
        "data": {"values": values},
        "spacing": 8,
        "facet": _groups(values),
        "spec": {
            "width": PLOT,
            "height": {"step": ROW - 2},
            "mark": {"type": "bar"},
            "encoding": {"y": _names("label", names), "x": _measure("value", "%", top=1), **_look()},
        },
    }


def shares_over_time(marks: Marks, bins: Sequence[str]) -> Chart:
    """For each group a bar per bin of time. Marks: group, bin, value (0 to 1), colour, said."""
    values = list(marks)
    ends = [bins[0], bins[len(bins) // 2], bins[-1]] if len(bins) > 2 else list(bins)
    return {
        "data": {"values": values},
        "spacing": 8,
        "facet": _groups(values),
        "spec": {
            "width": WIDTH - 44,
            "height": 48,
            "mark": {"type": "bar"},
            "encoding": {
                "x": {
                    "field": "bin",
                    "type": "ordinal",
                    "sort": list(bins),
                    "scale": {"domain": list(bins), "paddingInner": 0.15},
                    "axis": {"title": None, "values": ends, "labelAngle": 0, "labelOverlap": False, "labelBound": True},
                },
                "y": {**_measure("value", "%", top=1), "axis": {"title": None, "format": "%", "values": [0, 0.5, 1]}},
                **_look(),
            },
        },
    }


def calls_over_time(
    circles: Marks, triangles: Marks, bounds: Sequence[float], seconds: Mapping[str, str], span_s: float
) -> Chart:
    """Circles by number of calls, and triangles that are links. Marks: at (ISO), duration_s, calls, link, colour, said.

    `seconds` says what the bounds are called, `span_s` how long each circle's bin is.
    """
    slow = list(triangles)
    top = max([bounds[-1] * 2, *(one["duration_s"] * 1.2 for one in slow)])
    shared = {
        "x": {
            "field": "at",
            "type": "temporal",
            "scale": {"type": "utc", "padding": 8},
            "axis": {"title": "UTC", "format": _clock(span_s), "tickCount": 3, "labelOverlap": True},
        },
        "y": {
            "field": "duration_s",
            "type": "quantitative",
            "scale": {"type": "log", "domain": [bounds[0] / 2, top]},
            "axis": {"title": None, "values": list(bounds), "labelExpr": _called(seconds)},
        },
        **_look(),
    }
    size = {"field": "calls", "type": "quantitative", "scale": {"type": "sqrt", "range": [16, 220]}, "legend": None}
    return {
        "width": WIDTH - 54,
        "height": 220,
        "layer": [
            {
                "data": {"values": list(circles)},
                "mark": {"type": "circle", "opacity": 1},
                "encoding": {**shared, "size": size},
            },
            {
                "data": {"values": slow},
                "mark": {"type": "point", "shape": "triangle-up", "filled": True, "size": 90, "opacity": 1},
                "encoding": {**shared, "href": {"field": "link", "type": "nominal"}},
            },
        ],
    }


def _groups(values: Sequence[Mapping[str, Any]]) -> Chart:
    """A row of its own for each group, in the order of the marks, with the group's name above it."""
    header = {"labelAngle": 0, "labelOrient": "top", "labelAnchor": "start", "labelPadding": 2}
    order = list(dict.fromkeys(one["group"] for one in values))
    return {"row": {"field": "group", "sort": order, "header": header}}


def _clock(span_s: float) -> str:
    """As exact as the bins: the seconds of a short run, the day of one that took days."""
    if span_s < 60:
        return "%H:%M:%S"
    return "%H:%M" if span_s < 3600 else "%d/%m %H:%M"


def _keyed(marks: Marks) -> list[Mapping[str, Any]]:
    """Each with a place of its own, since two may have one label: runs of one minute, topics with one name."""
    return [{**one, "key": f"{number:03}"} for number, one in enumerate(marks)]


def _rows(values: Sequence[Mapping[str, Any]]) -> Chart:
    names = _names("key", [one["key"] for one in values])
    return {**names, "axis": {**names["axis"], "labelExpr": _called({one["key"]: one["label"] for one in values})}}


def _names(field: str, order: Sequence[str]) -> Chart:
    axis = {"title": None, "ticks": False, "domain": False, "labelLimit": LABELS - 18, "minExtent": LABELS - 8}
    return {"field": field, "type": "nominal", "sort": list(order), "axis": axis}


def _measure(field: str, number_format: str = "d", top: float | None = None, unit: str | None = None) -> Chart:
    axis: Chart = {"title": unit, "format": number_format, "tickCount": 3, "labelOverlap": True}
    if number_format == "d":
        axis["tickMinStep"] = 1
    scale = {} if top is None else {"domain": [0, top]}
    return {"field": field, "type": "quantitative", "axis": axis, "scale": scale}


def _look() -> Chart:
    return {
        "color": {"field": "colour", "type": "nominal", "scale": None, "legend": None},
        "description": {"field": "said", "type": "nominal"},
    }


def _called(names: Mapping[str, str]) -> str:
    """An expression of Vega: what a value is called."""
    return f"({json.dumps(drawable(names))})['' + datum.value]"
