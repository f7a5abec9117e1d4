"""Parsers of the built documents: HTML pages, the Word file, the template's colours."""

from __future__ import annotations

import re
import zipfile
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

from selectolax.lexbor import LexborHTMLParser, LexborNode

NAMES = {
    "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    "dc": "http://purl.org/dc/elements/1.1/",
}
W = f"{{{NAMES['w']}}}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


class Page:
    """One HTML page."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.html = file.read_text(encoding="utf-8")
        self.tree = LexborHTMLParser(self.html)

    def all(self, selector: str) -> list[LexborNode]:
        return self.tree.css(selector)

    def one(self, selector: str) -> LexborNode:
        (node,) = self.all(selector)
        return node

    @property
    def ids(self) -> list[str]:
        return [node.attributes["id"] or "" for node in self.all("[id]")]

    @property
    def levels(self) -> list[int]:
        return [int(node.tag[1]) for node in self.all("h1, h2, h3, h4, h5, h6")]


class Word:
    """The Word file of a document."""

    def __init__(self, file: Path) -> None:
        with zipfile.ZipFile(file) as parts:
            self.parts = {name: parts.read(name) for name in parts.namelist()}

    def part(self, name: str) -> ElementTree.Element:
        return ElementTree.fromstring(self.parts[name])

    @cached_property
    def body(self) -> ElementTree.Element:
        return self.part("word/document.xml")

    @cached_property
    def styles(self) -> dict[str, ElementTree.Element]:
        return {
            style.get(f"{W}styleId", ""): style for style in self.part("word/styles.xml").iterfind("w:style", NAMES)
        }

    def found(self, path: str) -> list[ElementTree.Element]:
        return self.body.findall(path, NAMES)

    def paragraphs(self, style: str) -> list[str]:
        """The texts of the paragraphs whose style starts with this name."""
        return [text(p) for p in self.found(".//w:p") if style_of(p).startswith(style)]

    @property
    def levels(self) -> list[int]:
        return [int(style_of(p)[-1]) for p in self.found(".//w:p") if re.fullmatch(r"Heading\d", style_of(p))]


def style_of(paragraph: ElementTree.Element) -> str:
    style = paragraph.find("w:pPr/w:pStyle", NAMES)
    return "" if style is None else style.get(f"{W}val", "")


def text(node: ElementTree.Element) -> str:
    return "".join(t.text or "" for t in node.iterfind(".//w:t", NAMES))


def skips(levels: list[int]) -> list[tuple[int, int]]:
    """Headings more than one level below the previous one."""
    return [(a, b) for a, b in zip([0, *levels], levels, strict=False) if b > a + 1]


def themes(css: str) -> dict[str, dict[str, str]]:
    """Name → colour, for the light and the dark theme."""
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    assert css.index("prefers-color-scheme: dark") < css.index(dark)
    both = {"light": light, "dark": dark}
    return {theme: dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", colours)) for theme, colours in both.items()}


def contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
