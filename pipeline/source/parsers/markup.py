"""Parses HTML into a tree, and extracts the visible text.

A hostile page can take minutes or gigabytes; `process.py` limits both.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.source import fields
from pipeline.source.address import absolute

UNREADABLE = "next link cannot be read"
"""Problem of a page whose link to the next page is not a valid address."""

_CHARSET = re.compile(rb"""<meta[^<>]{0,200}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_-]{1,40})""", re.I)
# Python has codecs such as "zip" or "idna" as well: only charsets of the web are accepted from a page
_SAFE_CHARSET = re.compile(r"iso-?8859-?\d{1,2}|windows-125\d|cp125\d|shift_jis|euc-jp|gbk|gb2312|big5|koi8-r", re.I)
_LINE_BREAKS = frozenset(["br", "p", "li", "div", "tr", "blockquote"])
_INVISIBLE = frozenset(["script", "style", "template", "noscript"])


def parsed(html: bytes) -> LexborHTMLParser:
    """The tree of a page."""
    return LexborHTMLParser(_decoded(html))


def text_of(node: LexborNode) -> str:
    """The visible text: whitespace collapsed, one line per paragraph."""
    parts = []
    for inner in node.traverse(include_text=True):
        if inner.tag == "-text":
            if inner.parent is None or inner.parent.tag not in _INVISIBLE:
                parts.append(re.sub(r"[ \t\r\n\f]+", " ", inner.text(deep=False)))
        elif inner.tag in _LINE_BREAKS:
            parts.append("\n")
    lines = (line.strip(" ") for line in "".join(parts).split("\n"))
    return fields.plain("\n".join(line for line in lines if line))


def next_page(document: LexborHTMLParser, url: str, problems: list[str], selector: str | None = None) -> str | None:
    """The address in the first `rel=next`, or in the first link that matches `selector` if given."""
    links = document.css(selector) if selector else filter(_is_next_link, document.css("link[rel], a[rel]"))
    for node in links:
        if href := node.attributes.get("href"):
            address = absolute(href, base(document, url))
            if address is None:
                problems.append(UNREADABLE)
            return address
    return None


def base(document: LexborHTMLParser, url: str) -> str:
    """The address that relative links of the page start from."""
    given = next((node.attributes.get("href") for node in document.css("base[href]")), None)
    return absolute(given, url) or url


def _is_next_link(node: LexborNode) -> bool:
    return "next" in (node.attributes.get("rel") or "").lower().split()


def _decoded(html: bytes) -> str:
    """The text, as UTF-8 if it is valid, otherwise in the charset that the page declares."""
    try:
        return html.decode("utf-8-sig")
    except UnicodeDecodeError:
        # the HTML standard looks for the declaration in the first 1024 bytes; some sites put it later
        declared = _CHARSET.search(html[:2048])
        name = declared[1].decode("ascii") if declared else "cp1252"
        # browsers read "latin-1" as cp1252 (WHATWG Encoding Standard)
        if not _SAFE_CHARSET.fullmatch(name) or re.fullmatch(r"iso-?8859-?1", name, re.I):
            name = "cp1252"
    try:
        return html.decode(name, "replace")
    except LookupError:
        return html.decode("cp1252", "replace")
