"""Pages of HTML: bytes in, a tree out, and what a reader sees of it.

Some pages take the parser minutes or gigabytes; see `process.py`, which bounds both.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.source import fields
from pipeline.source.address import absolute

UNREADABLE = "next link cannot be read"
"""The problem of a page whose link to the next one is no address."""

_CHARSET = re.compile(rb"""<meta[^<>]{0,200}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_-]{1,40})""", re.I)
_SAFE_CHARSET = re.compile(r"iso-?8859-?\d{1,2}|windows-125\d|cp125\d|shift_jis|euc-jp|gbk|gb2312|big5|koi8-r", re.I)
_LINES = frozenset(["br", "p", "li", "div", "tr", "blockquote"])
_UNSEEN = frozenset(["script", "style", "template", "noscript"])


def parsed(html: bytes) -> LexborHTMLParser:
    """The tree of a page."""
    return LexborHTMLParser(_decoded(html))


def text_of(node: LexborNode) -> str:
    """What a reader sees: blanks as one, a line for each paragraph."""
    parts = []
    for inner in node.traverse(include_text=True):
        if inner.tag == "-text":
            if inner.parent is None or inner.parent.tag not in _UNSEEN:
                parts.append(re.sub(r"[ \t\r\n\f]+", " ", inner.text(deep=False)))
        elif inner.tag in _LINES:
            parts.append("\n")
    lines = (line.strip(" ") for line in "".join(parts).split("\n"))
    return fields.plain("\n".join(line for line in lines if line))


def next_page(document: LexborHTMLParser, url: str, problems: list[str], selector: str | None = None) -> str | None:
    """The page that `rel=next` leads to, or instead the first link that a selector finds."""
    links = document.css(selector) if selector else filter(_says_next, document.css("link[rel], a[rel]"))
    for node in links:
        if href := node.attributes.get("href"):
            found = absolute(href, base(document, url))
            if found is None:
                problems.append(UNREADABLE)
            return found
    return None


def base(document: LexborHTMLParser, url: str) -> str:
    """What the addresses of a page start from."""
    given = next((node.attributes.get("href") for node in document.css("base[href]")), None)
    return absolute(given, url) or url


def _says_next(node: LexborNode) -> bool:
    return "next" in (node.attributes.get("rel") or "").lower().split()


def _decoded(html: bytes) -> str:
    """By UTF-8, or else by what the page declares."""
    try:
        return html.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _CHARSET.search(html[:2048])
        name = declared[1].decode("ascii") if declared else "cp1252"
        # the web's "latin-1" is cp1252; other codecs of Python are slow or no charsets at all
        if not _SAFE_CHARSET.fullmatch(name) or re.fullmatch(r"iso-?8859-?1", name, re.I):
            name = "cp1252"
    try:
        return html.decode(name, "replace")
    except LookupError:
        return html.decode("cp1252", "replace")
