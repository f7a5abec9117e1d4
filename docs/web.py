"""One HTML page for each Markdown file: it stands alone, without a script or anything from elsewhere."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path, PurePosixPath

from links import Book, linked, page_name
from tree import PICTURES, Node, Page, changed, convert, found, meta_of, text_of
from web_tables import finished, in_region, names_of

TEMPLATE = Path(__file__).with_name("template.html")
WORDS = {
    "fr": {
        "skip": "Aller au contenu",
        "pages": "Pages du document",
        "contents": "Sommaire",
        "home": "Accueil",
        "language": "Langue",
        "back": "Retour au texte",
        "source": "Cette page est construite à partir de",
    },
    "en": {
        "skip": "Skip to content",
        "pages": "Pages of the document",
        "contents": "Contents",
        "home": "Home",
        "language": "Language",
        "back": "Back to the text",
        "source": "This page is built from",
    },
}
"""The words of the template, in each language a document can have."""


LANGUAGES = {"fr": "Français", "en": "English"}


def write(book: Book, folder: Path) -> None:
    """Write all pages into the folder, and remove the page of a Markdown file that is no more."""
    made = {page_name(page): _html(page, book) for page in book.pages}
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(folder.glob("*.html")) - {folder / name for name in made}:
        stale.unlink()
    for name, html in made.items():
        (folder / name).write_text(html, encoding="utf-8")


def _html(page: Page, book: Book) -> str:
    blocks = _body(page, book)
    options = ["--template", str(TEMPLATE)]
    html = convert(blocks, _meta(page, book, bool(list(found(blocks, "Header")))), "html5", options)
    back = f'role="doc-backlink" aria-label="{WORDS[book.language]["back"]}"'
    return finished(html.replace('role="doc-backlink"', back))


def _meta(page: Page, book: Book, headings: bool) -> Node:
    """What the template asks for; the first page does not say the title of the document twice."""
    title, whole, first = text_of(page.title), text_of(book.pages[0].title), page is book.pages[0]
    meta = {
        "lang": book.language,
        "title": _heading(page, book),
        "anchor": page.anchor,
        "main": "contenu" if "contenu" not in page.anchors else "contenu-de-la-page",
        "pagetitle": whole if first else f"{title} – {whole}",
        "document": "" if first else whole,
        "headings": headings,
        "pages": [_entry(other, page, book) for other in book.pages],
        "words": WORDS[book.language],
        "translations": _translations(page, book),
        "source": str(page.file),
    }
    return {key: meta_of(value) for key, value in meta.items()}


def _translations(page: Page, book: Book) -> list[dict[str, str]]:
    """The same page in the other language, named in that language."""
    other, (name, language) = book.translated(page), book.translation
    return [{"url": f"../{name}/{page_name(other)}", "lang": language, "name": LANGUAGES[language]}] if other else []


def _entry(page: Page, current: Page, book: Book) -> dict[str, str | bool]:
    """A page in the navigation."""
    title = WORDS[book.language]["home"] if page is book.pages[0] else text_of(page.title)
    return {"url": page_name(page), "title": title, "current": page is current}


def _heading(page: Page, book: Book) -> list[Node]:
    made: list[Node] = _body(replace(page, blocks=[{"t": "Plain", "c": page.title}]), book)[0]["c"]
    return made


def _body(page: Page, book: Book) -> list[Node]:
    names = iter(names_of(page))

    def change(node: Node) -> Node | list[Node]:
        """Links and pictures for a page that stands alone, and tables in regions."""
        if node["t"] == "Link":
            return linked(node, page, book, lambda aim, anchor: _address(page, aim, anchor), _beside)
        if node["t"] == "Image":
            return _embedded(node, book.root / page.file.parent)
        if node["t"] == "Table":
            return in_region(node, next(names))
        return node

    body: list[Node] = changed(page.blocks, change)
    return body


def _address(page: Page, aim: Page, anchor: str) -> str:
    return ("" if aim is page and anchor else page_name(aim)) + (f"#{anchor}" if anchor else "")


def _beside(name: str, anchor: str) -> str:
    return f"../{name}" + (f"#{anchor}" if anchor else "")


def _embedded(image: Node, folder: Path) -> Node:
    attributes, alt, (target, title) = image["c"]
    data = base64.b64encode((folder / target).read_bytes()).decode()
    address = f"data:{PICTURES[PurePosixPath(target).suffix]};base64,{data}"
    return {"t": "Image", "c": [attributes, alt, [address, title]]}
