"""A meaning has one colour everywhere, which is seen in both themes and told apart by everybody."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from itertools import combinations
from typing import Any

import pytest

from pipeline.records import Length, Outcome, Sentiment, SkipReason

from .queries import GRAFANA, dashboards, panels

SEEN = 3.0
"""The contrast that WCAG asks of graphics."""
APART = 15.0
"""In CIE Lab; a pair nearer than some 2 looks the same side by side."""
ANOMALIES = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""What people see who lack one kind of cone (Machado, Oliveira and Fernandes 2009), in linear RGB."""
BLUES = ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b")
"""The heatmap's scheme: Grafana smooths these, from the first in the light theme, from the last in the dark one."""


def load() -> Any:
    """The palette, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("grafana_palette", GRAFANA / "palette.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for the module of a class
    spec.loader.exec_module(module)
    return module


palette: Any = pytest.fixture(scope="module")(load)


def linear(colour: str) -> tuple[float, ...]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def contrast(one: str, other: str) -> float:
    lights = [sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(each), strict=True)) for each in (one, other)]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def lab(rgb: tuple[float, ...]) -> tuple[float, ...]:
    to_xyz = ((0.4338, 0.3762, 0.1899), (0.2126, 0.7152, 0.0722), (0.0178, 0.1095, 0.8727))
    x, y, z = (sum(w * max(c, 0) for w, c in zip(row, rgb, strict=True)) for row in to_xyz)
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def apart(one: str, other: str, anomaly: str) -> float:
    seen = (
        [sum(w * c for w, c in zip(row, linear(each), strict=True)) for row in ANOMALIES[anomaly]]
        for each in (one, other)
    )
    first, second = (lab(tuple(each)) for each in seen)
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5


def blues(at: float) -> str:
    """The scheme at a place between 0 and 1, by the spline that Grafana's library draws."""
    piece = min(int(at * 8), 7)
    rest = at * 8 - piece
    weights = (
        (1 - 3 * rest + 3 * rest**2 - rest**3) / 6,
        (4 - 6 * rest**2 + 3 * rest**3) / 6,
        (1 + 3 * rest + 3 * rest**2 - 3 * rest**3) / 6,
        rest**3 / 6,
    )
    parts = []
    for digit in (1, 3, 5):
        known = [int(colour[digit : digit + 2], 16) for colour in BLUES]
        padded = [2 * known[0] - known[1], *known, 2 * known[-1] - known[-2]]
        parts.append(round(sum(w * v for w, v in zip(weights, padded[piece : piece + 4], strict=True))))
    return "#" + "".join(f"{part:02x}" for part in parts)


def test_every_colour_stands_out_from_both_themes(palette: Any) -> None:
    for colour in palette.colours():
        assert contrast(colour, palette.DARK) >= SEEN, colour
        assert contrast(colour, palette.LIGHT) >= SEEN, colour


def test_the_looks_of_a_scale_are_told_apart_by_colour_and_by_dash(palette: Any) -> None:
    for scale in (*palette.SCALES.values(), dict(enumerate(palette.ORDER))):
        for one, other in combinations(scale.values(), 2):
            assert one.dash != other.dash, (one, other)
            for anomaly in ANOMALIES:
                assert apart(one.colour, other.colour, anomaly) >= APART, (one, other, anomaly)


def test_every_value_that_a_scale_is_about_has_a_look_and_a_french_word(palette: Any) -> None:
    for label, values in {"sentiment": Sentiment, "outcome": Outcome, "length": Length, "reason": SkipReason}.items():
        assert set(palette.SCALES[label]) == {value.value for value in values}
        assert all(look.french for look in palette.SCALES[label].values())


def test_every_colour_of_a_dashboard_is_one_of_the_palette(palette: Any) -> None:
    text = json.dumps(dashboards())
    assert "palette-c" not in text
    assert set(re.findall(r'"(#[0-9a-f]{3,8})"', text)) <= set(palette.colours())


def test_the_same_value_has_the_same_colour_and_dash_in_every_panel() -> None:
    looks: dict[str, set[tuple[str, str]]] = {}
    scaled = {value.value for values in (Sentiment, Outcome, Length) for value in values}
    for panel in panels():
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            name = override["matcher"]["options"]
            own = {each["id"]: each["value"] for each in override["properties"]}
            if name in scaled and "color" in own:
                dash = str(own.get("custom.lineStyle", "")) if panel["type"] == "timeseries" else ""
                looks.setdefault(f"{name} {panel['type']}", set()).add((own["color"]["fixedColor"], dash))
    assert looks and all(len(found) == 1 for found in looks.values()), looks
    assert len({colour for name, found in looks.items() if name.startswith("positive ") for colour, _ in found}) == 1


def test_lines_that_share_a_panel_have_a_colour_and_a_dash_each() -> None:
    for panel in panels():
        if panel["type"] != "timeseries":
            continue
        overrides = panel["fieldConfig"]["overrides"]
        looks = {each["matcher"]["options"]: each["properties"] for each in overrides}
        legends = {target["legendFormat"] for target in panel["targets"]}
        if len(legends) > 1 or "{{" in "".join(legends):
            own = [json.dumps([each for each in look if each["id"] != "displayName"]) for look in looks.values()]
            assert len(own) == len(set(own)) >= 2, panel["title"]


def test_a_lone_call_stands_out_in_the_heatmap_in_both_themes(palette: Any) -> None:
    [heatmap] = [panel for panel in panels() if panel["type"] == "heatmap"]
    colours = heatmap["options"]["color"]
    assert (colours["mode"], colours["scheme"]) == ("scheme", "Blues")
    lone = (1 - colours["min"]) / (colours["max"] - colours["min"])
    for at in (lone, 1.0):
        assert contrast(blues(at), palette.LIGHT) >= SEEN
        assert contrast(blues(1 - at), palette.DARK) >= SEEN
