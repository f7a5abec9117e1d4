"""One Word file for the whole document: its first file gives the title, each further one a chapter."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from links import Book
from tree import DocumentError, Node, Page, convert, found, meta_of, text_of
from whole import chapters
from word_layout import FOOTER, footer, laid_out, with_footer_relation, with_footer_type
from word_styles import mended, swapped

LOCALES = {"fr": ("fr-FR", "Sommaire"), "en": ("en-GB", "Contents")}
"""The language in which Word checks the spelling, and the heading of the table of contents."""
CONTENTS_LINE = (
    '<w:p><w:pPr><w:pStyle w:val="TOC{level}" /></w:pPr><w:hyperlink w:anchor="{anchor}"><w:r>'
    '<w:rPr><w:rStyle w:val="Hyperlink" /></w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:hyperlink></w:p>'
)
FIELD_SEPARATOR, FIELD_END = '<w:fldChar w:fldCharType="separate" />', '<w:fldChar w:fldCharType="end" /></w:r></w:p>'

CHANGES = {
    "word/styles.xml": mended,
    "word/_rels/document.xml.rels": with_footer_relation,
    "[Content_Types].xml": with_footer_type,
}
"""The parts that are changed in every document."""


def write(book: Book, file: Path) -> None:
    """Write the Word file; every link and picture is looked at before."""
    blocks = chapters(book, lambda image, page: _as_png(image, page, book), 0, lambda table: table)
    locale, contents = LOCALES[book.language]
    meta = {"title": book.pages[0].title, "lang": locale, "toc-title": contents}
    file.parent.mkdir(parents=True, exist_ok=True)
    made = file.with_suffix(".pandoc.docx")
    meta_nodes = {key: meta_of(value) for key, value in meta.items()}
    try:
        convert(blocks, meta_nodes, "docx", ["--resource-path", str(book.root)], made)
        _copy(
            made, CHANGES | {"word/document.xml": lambda xml: _text(xml, blocks)}, {FOOTER: footer(book.language)}, file
        )
    finally:
        made.unlink(missing_ok=True)


def _as_png(image: Node, page: Page, book: Book) -> Node:
    """The picture by its path in the repository; Word takes no SVG everywhere, so the PNG beside it."""
    attributes, alt, (target, title) = image["c"]
    png = (page.file.parent / target).with_suffix(".png") if target.endswith(".svg") else page.file.parent / target
    if not (book.root / png).is_file():
        raise DocumentError(f"{page.file}: the picture {target} has no {png.name} beside it, which the Word file needs")
    return {"t": "Image", "c": [attributes, alt, [str(png), title]]}


def _copy(made: Path, changes: dict[str, Callable[[str], str]], more: dict[str, str], file: Path) -> None:
    """Copy the file that pandoc made, with some of its parts changed and some added."""
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename in changes:
                data = changes[part.filename](data.decode()).encode()
            new.writestr(part, data)
        for name, text in more.items():
            new.writestr(zipfile.ZipInfo(name, part.date_time), text.encode())


def _text(xml: str, blocks: list[Node]) -> str:
    """Lay out the pages and fill the table of contents, which pandoc leaves to Word; Word adds the numbers of pages."""
    headings = [node["c"] for node in found(blocks, "Header") if node["c"][0] <= 3]
    lines = "".join(
        CONTENTS_LINE.format(level=level, anchor=anchor, text=escape(text_of(content)))
        for level, (anchor, *_), content in headings
    )
    field = f"{FIELD_SEPARATOR}</w:r></w:p>{lines}<w:p><w:r>{FIELD_END}"
    xml = laid_out(xml, list(found(blocks, "Table")))
    return swapped(xml, FIELD_SEPARATOR + FIELD_END, field)
