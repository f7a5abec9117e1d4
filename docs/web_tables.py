"""Tables of a page: each stands in a region with a name, its cells say what they head, long names may wrap."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tree import Node, Page, found, text_of


def names_of(page: Page) -> list[str]:
    """What the region of each table is called: the heading above it, with a number where one heading has several."""
    names, heading = [], text_of(page.title)
    for node in found(page.blocks, "Header", "Table"):
        if node["t"] == "Header":
            heading = text_of(node["c"][2])
        else:
            names.append(heading)
    return list(_numbered(names))


def _numbered(names: list[str]) -> Iterator[str]:
    several, seen = Counter(names), Counter[str]()
    for name in names:
        seen[name] += 1
        yield f"{name} ({seen[name]})" if several[name] > 1 else name


def in_region(table: Node, name: str) -> Node:
    """The table in a region that scrolls sideways and is reached by keyboard."""
    region = ["", ["scroll"], [["tabindex", "0"], ["role", "region"], ["aria-label", name]]]
    return {"t": "Div", "c": [region, [with_row_names(table)]]}


def with_row_names(table: Node) -> Node:
    """The table whose first column is one of headers."""
    attributes, caption, columns, head, bodies, foot = table["c"]
    bodies = [[more, 1, top, rows] for more, _, top, rows in bodies]
    return {"t": "Table", "c": [attributes, caption, columns, head, bodies, foot]}


def finished(html: str) -> str:
    """The tables of a page as pandoc cannot write them."""
    return re.sub(r"<table\b.*?</table>", lambda table: _finished(table[0]), html, flags=re.DOTALL)


def _finished(table: str) -> str:
    """An empty header cell is no header; code may wrap after _ and is still copied in one piece."""
    table = re.sub(r"<th\b([^>]*)></th>", r"<td\1></td>", table)
    head, body, rest = table.partition("<tbody")
    table = re.sub(r"<th\b", '<th scope="col"', head) + body + re.sub(r"<th\b", '<th scope="row"', rest)
    return re.sub(r"<code>.*?</code>", lambda code: re.sub(r"_(?=\w)", "_<wbr>", code[0]), table, flags=re.DOTALL)
