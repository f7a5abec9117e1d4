"""Charts are few marks, each with words; their colours are seen on both backgrounds."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.report import charts, palette
from pipeline.report.drawing import TEXT_PX, WIDTH, draw
from pipeline.report.words import Language

CSS = (Path(__file__).parents[2] / "pipeline" / "report" / "page.css").read_text(encoding="utf-8")
LIGHT, DARK = re.findall(r"--back: (#\w+)", CSS)[:2]
COLOURS = {name: value for name, value in vars(palette).items() if isinstance(value, str) and value.startswith("#")}
SLOW = {"at": 1_770_000_000_000, "duration_s": 9.5, "link": "#call-1", "colour": palette.LOST, "said": "slow call 1"}
MANY = {"at": 1_770_000_030_000, "duration_s": 0.3, "calls": 12, "colour": palette.ARRIVED, "said": "12 calls"}


def luminance(colour: str) -> float:
    """Of WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colour", COLOURS)
def test_each_colour_is_seen_on_both_backgrounds(colour: str) -> None:
    assert min(contrast(COLOURS[colour], LIGHT), contrast(COLOURS[colour], DARK)) >= 3


@pytest.mark.parametrize("background", (LIGHT, DARK))
def test_texts_can_be_read_on_the_background(background: str) -> None:
    number = (LIGHT, DARK).index(background)
    for name in ("ink", "soft", "link"):
        colour = re.findall(rf"--{name}: (#\w+)", CSS)[number]
        pane = re.findall(r"--pane: (#\w+)", CSS)[number]
        assert min(contrast(colour, background), contrast(colour, pane)) >= 4.5, name


def drawn(language: Language = Language.EN) -> ElementTree.Element:
    seconds = {f"{bound:g}": f"{bound:g} s" for bound in (0.25, 8.0)}
    chart = charts.calls_over_time([MANY], [SLOW], [0.25, 8.0], seconds, span_s=60)
    return ElementTree.fromstring(draw(chart, language, "latency-title"))


def test_each_mark_says_what_it_shows_and_a_slow_call_is_a_link() -> None:
    svg = drawn()
    said = [element.get("aria-label") for element in svg.iter() if element.get("role") == "graphics-symbol"]
    assert said == ["12 calls", "slow call 1"]
    [link] = [element for element in svg.iter() if element.tag == "a"]
    assert link.get("href") == "#call-1" and [child.get("aria-label") for child in link] == ["slow call 1"]
    assert svg.get("role") == "graphics-document" and svg.get("aria-labelledby") == "latency-title"
    assert "aria-roledescription" not in ElementTree.tostring(svg, encoding="unicode")


def test_a_chart_is_as_narrow_as_a_phone_and_its_texts_take_the_colour_of_the_page() -> None:
    svg = drawn()
    _, _, width, _ = map(float, str(svg.get("viewBox")).split())
    assert width <= WIDTH + 32, "with the texts at its sides"
    texts = [element for element in svg.iter() if element.tag == "text"]
    assert {element.get("fill") for element in texts} == {"currentColor"}
    assert {element.get("font-size") for element in texts} == {f"{TEXT_PX}px"}


def test_numbers_on_axes_are_written_as_the_language_writes_them() -> None:
    marks = [{"label": "a", "value": 1234567, "colour": palette.BLUE, "said": "a"}]
    french = ElementTree.fromstring(draw(charts.bars(marks, ",d"), Language.FR, "x"))
    texts = [element.text for element in french.iter() if element.tag == "text"]
    assert any(text and "\u00a0" in text and "," not in text for text in texts), texts


def test_characters_that_xml_forbids_are_drawn_as_replaced_ones() -> None:
    """The library would end the whole process."""
    marks = [{"label": "a\x01b\ufffe", "value": 1, "colour": palette.BLUE, "said": "a\x1bb"}]
    svg = ElementTree.fromstring(draw(charts.bars(marks), Language.EN, "x"))
    assert "a\ufffdb" in ElementTree.tostring(svg, encoding="unicode")


def test_bars_with_one_label_stay_apart() -> None:
    marks = [{"label": "26/11 14:37", "value": n, "colour": palette.BLUE, "said": f"run {n}"} for n in (1, 2)]
    svg = ElementTree.fromstring(draw(charts.bars(marks), Language.EN, "x"))
    places = {element.get("d") for element in svg.iter() if str(element.get("aria-label")).startswith("run ")}
    texts = [element.text for element in svg.iter() if element.tag == "text"]
    assert len(places) == 2 and texts.count("26/11 14:37") == 2


def test_an_axis_of_small_numbers_has_no_number_twice() -> None:
    for values, number_format in ([1, 2], "d"), ([0.0011, 0.0027], ".3~g"):
        marks = [{"label": str(n), "value": n, "colour": palette.BLUE, "said": "x"} for n in values]
        svg = ElementTree.fromstring(draw(charts.bars(marks, number_format), Language.EN, "x"))
        texts = [str(element.text) for element in svg.iter() if element.tag == "text"]
        numbers = [text for text in texts if text not in map(str, values) or text == "0"]
        assert len(numbers) == len(set(numbers)), numbers
