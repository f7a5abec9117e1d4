"""Where the links of a document lead: to a page of it, to another document, to a file of the repository, or into the
web."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from tree import DocumentError, Node, Page, text_of


@dataclass(frozen=True)
class Runbook:
    """The runbook, which is HTML already."""

    file: PurePosixPath
    page: PurePosixPath
    name: str
    served: str
    """Where Prometheus serves it."""


RUNBOOK = Runbook(
    PurePosixPath("otel/prometheus/runbook.md"),
    PurePosixPath("otel/prometheus/web/runbook.html"),
    "runbook.html",
    "http://127.0.0.1:9090/user/runbook.html",
)


@dataclass(frozen=True)
class Book:
    """The pages of one document in their order, and what their links need to know."""

    root: Path
    name: str
    language: str
    pages: tuple[Page, ...]
    repository: str
    """The address that stands before the path of a file of the repository; empty where there is none."""
    others: Mapping[str, tuple[Page, ...]] = field(default_factory=dict)
    """The pages of the other documents, by their names."""
    translation: tuple[str, str] = ("", "")
    """The name and the language of the document that has the same pages in another language."""

    def page(self, file: PurePosixPath) -> Page | None:
        """The page that is made from this file, if it is one of the document's."""
        return next((page for page in self.pages if page.file == file), None)

    def foreign(self, file: PurePosixPath) -> tuple[str, Page] | None:
        """The document that this file belongs to, and its page, if it is another document's."""
        return next(((name, p) for name, pages in self.others.items() for p in pages if p.file == file), None)

    def translated(self, page: Page) -> Page | None:
        """The page in the other language."""
        pages = self.others.get(self.translation[0], ())
        return next((other for other in pages if other.file.name == page.file.name), None)


def linked(
    node: Node,
    page: Page,
    book: Book,
    inside: Callable[[Page, str], str],
    beside: Callable[[str, str], str] | None = None,
) -> Node | list[Node]:
    """A link as it has to be in the built document.

    `inside` addresses an anchor of one of its pages, `beside` one of a page that is built next to the document.
    """
    target = node["c"][2][0]
    if re.match(r"[a-z]+:", target):
        return node
    path, _, anchor = target.partition("#")
    anchor = unquote(anchor)
    file = _in_repository(page.file, unquote(path))
    aim, foreign = book.page(file), book.foreign(file)
    known = aim or (foreign[1] if foreign else None)
    if known and anchor and anchor not in known.anchors:
        raise DocumentError(f"{page.file}: the link to {target} leads nowhere")
    if aim:
        return _to(node, inside(aim, anchor))
    if not path or ".." in file.parts or not (book.root / file).exists():
        raise DocumentError(f"{page.file}: the link to {target} leads nowhere")
    if foreign and beside:
        return _to(node, beside(f"{foreign[0]}/{page_name(foreign[1])}", anchor))
    if file == RUNBOOK.file and anchor:
        return _to(node, beside(RUNBOOK.name, anchor) if beside else f"{RUNBOOK.served}#{anchor}")
    return _to(node, f"{book.repository}/{file}") if book.repository else _as_text(node, file)


def page_name(page: Page) -> str:
    """The name of the page's HTML file."""
    return "index.html" if page.file.stem == "README" else f"{page.file.stem}.html"


def _in_repository(page: PurePosixPath, path: str) -> PurePosixPath:
    return PurePosixPath(posixpath.normpath(page.parent / path)) if path else page


def _to(node: Node, address: str) -> Node:
    attributes, content, (_, title) = node["c"]
    return {"t": "Link", "c": [attributes, content, [address, title]]}


def _as_text(node: Node, file: PurePosixPath) -> list[Node]:
    """The words of a link without an address, and the path of the file where the words are not already its name."""
    code = {"t": "Code", "c": [["", [], []], str(file)]}
    if text_of(node["c"][1]).strip("/").split("/")[-1] == file.name:
        return [code]
    return [*node["c"][1], {"t": "Str", "c": "\u00a0("}, code, {"t": "Str", "c": ")"}]
