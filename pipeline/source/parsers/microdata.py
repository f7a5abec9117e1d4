"""Converts microdata (https://html.spec.whatwg.org/multipage/microdata.html) to the form of JSON-LD.

`itemref`, which takes properties from elsewhere on the page, is not supported: no page seen uses it for reviews.
"""

from __future__ import annotations

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.source.parsers.markup import text_of

MAX_NESTED = 5
"""Depth of items within items; the rating of a review needs one."""

# The attribute that holds the value of an element, from the table "values" of the standard.
_ATTRIBUTES = {
    "meta": "content", "a": "href", "area": "href", "link": "href", "img": "src", "audio": "src", "video": "src",
    "source": "src", "iframe": "src", "embed": "src", "track": "src", "object": "data", "data": "value",
    "meter": "value",
}  # fmt: skip


def items(document: LexborHTMLParser) -> Iterator[dict[str, object]]:
    """Every item of the page with its properties. Nested items also come separately."""
    for node in document.css("[itemscope]"):
        yield _item(node, MAX_NESTED)


def _item(node: LexborNode, depth: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, key in (("itemtype", "@type"), ("itemid", "@id")):
        if value := node.attributes.get(name):
            found[key] = value.split() if key == "@type" else value
    for inner in _properties(node):
        for name in (inner.attributes.get("itemprop") or "").split():
            if name not in found:  # a repeated property: the first value counts
                found[name] = _value(inner, depth)
    return found


def _properties(node: LexborNode) -> Iterator[LexborNode]:
    """The elements that are properties of this item and not of a nested one, in the order of the page."""
    # a stack instead of recursion: the page decides the depth
    waiting = list(node.iter())[::-1]
    while waiting:
        inner = waiting.pop()
        if inner.attributes.get("itemprop"):
            yield inner
        if "itemscope" not in inner.attributes:
            waiting.extend(list(inner.iter())[::-1])


def _value(node: LexborNode, depth: int) -> object:
    if "itemscope" in node.attributes:
        return _item(node, depth - 1) if depth else {}
    # many sites put `content` on any element, though the standard allows it only on `meta`
    for name in ("content", "datetime", _ATTRIBUTES.get(node.tag or "", "")):
        if name and (value := node.attributes.get(name)) is not None:
            return value
    return text_of(node)
