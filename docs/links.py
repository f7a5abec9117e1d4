"""Where the links of a document lead: to another of its pages, to a file of the repository, or out into the web."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from tree import DocumentError, Node, Page, text_of


@dataclass(frozen=True)
class Book:
    """The pages of one document in their order, and what their links need to know."""

    root: Path
    language: str
    pages: tuple[Page, ...]
    repository: str
    """The address that stands before the path of a file of the repository; empty where there is none."""

    def page(self, file: PurePosixPath) -> Page | None:
        """The page that is made from this file, if it is one of the document's."""
        return next((page for page in self.pages if page.file == file), None)


def linked(node: Node, page: Page, book: Book, inside: Callable[[Page, str], str]) -> Node | list[Node]:
    """A link as it has to be in the built document; `inside` addresses an anchor of one of its pages."""
    target = node["c"][2][0]
    if re.match(r"[a-z]+:", target):
        return node
    path, _, anchor = target.partition("#")
    file = _in_repository(page.file, unquote(path))
    aim = book.page(file)
    if aim and (not anchor or unquote(anchor) in aim.anchors):
        return _to(node, inside(aim, unquote(anchor)))
    if aim or not path or ".." in file.parts or not (book.root / file).exists():
        raise DocumentError(f"{page.file}: the link to {target} leads nowhere")
    return _to(node, f"{book.repository}/{file}") if book.repository else _as_text(node, file)


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
