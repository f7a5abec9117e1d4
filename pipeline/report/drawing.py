"""Draws a Vega-Lite chart as SVG for an HTML page. The library is that of the extra `report`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from xml.etree import ElementTree

from pipeline.errors import SettingsError
from pipeline.report.words import Language

SVG = "http://www.w3.org/2000/svg"
LINK = "{http://www.w3.org/1999/xlink}href"
VERSION = "6.1"
"""Of Vega-Lite: named, so that a newer library draws the same."""

TEXT_PX = 11
WIDTH = 288
"""Of a whole chart in CSS pixels: it fits a phone, and a page of 320 pixels, without becoming smaller."""

LOCALES: Mapping[Language, Literal["en-US", "fr-FR"]] = {Language.EN: "en-US", Language.FR: "fr-FR"}

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""https://www.w3.org/TR/xml/#charsets"""

CONFIG: Mapping[str, Any] = {
    "background": None,
    "view": {"stroke": None},
    # axes are not read out: marks say their values, and a table beside the chart has all of them
    "axis": {
        "aria": False,
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "currentColor",
        "tickColor": "currentColor",
        "gridColor": "currentColor",
        "gridOpacity": 0.15,
        "labelFontSize": TEXT_PX,
        "titleFontSize": TEXT_PX,
        "titleFontWeight": "normal",
        "labelLimit": 120,
    },
    "header": {
        "labelColor": "currentColor",
        "labelFontSize": TEXT_PX,
        "labelFontWeight": "bold",
        "labelLimit": WIDTH,
        "title": None,
    },
}


def require() -> None:
    """Raises SettingsError naming what to install."""
    try:
        import jinja2  # noqa: F401 - asked for together, since a page needs both
        import vl_convert  # noqa: F401
    except ImportError:
        raise SettingsError("report needs two more packages: pip install 'verbatims[report]'") from None


def draw(chart: Mapping[str, Any], language: Language, title_id: str) -> str:
    """The chart as an SVG element that the element with this id names. Its width is that of what it stands in."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(
        {**drawable(chart), "config": CONFIG},
        vl_version=VERSION,
        format_locale=LOCALES[language],
        allowed_base_urls=[],
    )
    root = ElementTree.fromstring(svg)
    _drop_what_is_not_seen(root)
    for element in root.iter():
        # English, whatever the page's language
        element.attrib.pop("aria-roledescription", None)
        if element.get("aria-label", "").startswith("Title text"):
            del element.attrib["aria-label"], element.attrib["role"]
        if link := element.attrib.pop(LINK, None):
            # the library puts an address of its own before a fragment
            element.set("href", f"#{link.rpartition('#')[2]}")
    for name in ("width", "height"):
        root.attrib.pop(name)
    root.set("role", "graphics-document")
    root.set("aria-labelledby", title_id)
    return _as_html(root)


def drawable(value: Any) -> Any:
    """The same without characters that XML forbids: the library ends the whole process where it meets one."""
    if isinstance(value, str):
        return _FORBIDDEN.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {name: drawable(one) for name, one in value.items()}
    return [drawable(one) for one in value] if isinstance(value, list | tuple) else value


def _drop_what_is_not_seen(root: ElementTree.Element) -> None:
    """A third of the file: a background and a foreground around each group, without a line or colour of their own."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("class") in ("background", "foreground"):
                parent.remove(child)


def _as_html(root: ElementTree.Element) -> str:
    ElementTree.register_namespace("", SVG)
    text = ElementTree.tostring(root, encoding="unicode")
    return re.sub(r' xmlns(:\w+)?="[^"]*"', "", text, count=2)
