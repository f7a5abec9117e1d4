"""All pages of a document as one text, for Word and PDF: its first file gives the title, each further one a chapter."""

from __future__ import annotations

from collections.abc import Callable

from links import Book, linked
from tree import Node, Page, changed


def chapters(
    book: Book, picture: Callable[[Node, Page], Node], title_level: int, table: Callable[[Node], Node]
) -> list[Node]:
    """The blocks of all pages. The title of the document has the level `title_level`, 0 where it is no heading."""
    return [block for page in book.pages for block in _chapter(page, book, picture, title_level, table)]


def _chapter(
    page: Page, book: Book, picture: Callable[[Node, Page], Node], title_level: int, table: Callable[[Node], Node]
) -> list[Node]:
    first = page is book.pages[0]

    def change(node: Node) -> Node | list[Node]:
        if node["t"] == "Link":
            return linked(node, page, book, lambda aim, anchor: f"#{_bookmark(aim, anchor, book)}")
        if node["t"] == "Image":
            return picture(node, page)
        if node["t"] == "Table":
            return table(node)
        if node["t"] == "Header":
            level, (anchor, classes, more), content = node["c"]
            return _header(level - first + title_level, _bookmark(page, anchor, book), content, [classes, more])
        return node

    top = _bookmark(page, page.anchor, book)
    begin: Node = {"t": "Div", "c": [[top, [], []], []]}
    if not first:
        begin = _header(1 + title_level, top, page.title, [["chapter"], []])
    blocks: list[Node] = [begin, *changed(page.blocks, change)]
    return blocks


def _header(level: int, anchor: str, content: list[Node], more: list[list[Node]]) -> Node:
    return {"t": "Header", "c": [level, [anchor, *more], content]}


def _bookmark(page: Page, anchor: str, book: Book) -> str:
    """A name that no other heading of the document has; Word takes at most 40 characters."""
    return f"p{book.pages.index(page)}h{page.anchors.index(anchor or page.anchor)}"
