"""One PDF for the whole document: tagged, by PDF/UA-1, made of the same text as the Word file."""

from __future__ import annotations

import os
from pathlib import Path

from links import Book
from tree import Node, Page, convert, meta_of, text_of
from weasyprint import HTML
from web_tables import finished, with_row_names
from whole import chapters
from word_layout import widths

TEMPLATE = Path(__file__).with_name("print.html")
WORDS = {
    "fr": {"contents": "Sommaire", "page": '"page " counter(page) " sur " counter(pages)'},
    "en": {"contents": "Contents", "page": '"page " counter(page) " of " counter(pages)'},
}
"""The words of the template, in each language a document can have."""


def write(book: Book, file: Path) -> None:
    """Write the PDF."""
    blocks = chapters(book, _whole_path, 1, _table)
    meta = {"lang": book.language, "pagetitle": text_of(book.pages[0].title), "title": book.pages[0].title}
    meta |= {"words": WORDS[book.language]}
    nodes = {key: meta_of(value) for key, value in meta.items()}
    html = finished(convert(blocks, nodes, "html5", ["--template", str(TEMPLATE)]))
    file.parent.mkdir(parents=True, exist_ok=True)
    # without it each build would be another file
    identifier = book.name.encode() if "SOURCE_DATE_EPOCH" in os.environ else None
    HTML(string=html, base_url=f"{book.root}/").write_pdf(file, pdf_variant="pdf/ua-1", pdf_identifier=identifier)


def _table(table: Node) -> Node:
    """The table with columns as wide as in the Word file: each has room for its longest word."""
    attributes, caption, columns, *rest = with_row_names(table)["c"]
    shares = widths(table)
    sized = [
        [align, {"t": "ColWidth", "c": round(width / sum(shares), 4)}]
        for (align, _), width in zip(columns, shares, strict=True)
    ]
    return {"t": "Table", "c": [attributes, caption, sized, *rest]}


def _whole_path(image: Node, page: Page) -> Node:
    """The picture by its path in the repository."""
    attributes, alt, (target, title) = image["c"]
    return {"t": "Image", "c": [attributes, alt, [str(page.file.parent / target), title]]}
