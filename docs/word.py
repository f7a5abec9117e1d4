"""One Word file for the whole document: its first file gives the title, each further one a chapter."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from links import Book, linked
from tree import DocumentError, Node, Page, changed, convert, found, meta_of, text_of

LOCALES = {"fr": ("fr-FR", "Sommaire"), "en": ("en-GB", "Contents")}
"""The language in which Word checks the spelling, and the heading of the table of contents."""
SIDES = ("top", "left", "bottom", "right", "insideH", "insideV")
BORDERS = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="767676" />' for side in SIDES)
FIRST_ROW, INDENT = '<w:tblStylePr w:type="firstRow">', '<w:tblInd w:type="dxa" w:w="0" />'
STYLES = (
    ("Table", INDENT, f"{INDENT}<w:tblBorders>{BORDERS}</w:tblBorders>"),
    ("Table", FIRST_ROW, f"{FIRST_ROW}<w:rPr><w:b /></w:rPr>"),
    ("TOCHeading", 'w:val="365F91"', 'w:val="0F4761"'),
    (
        "Hyperlink",
        '<w:color w:themeColor="accent1" w:val="4F81BD" />',
        '<w:color w:val="0B3D91" /><w:u w:val="single" />',
    ),
)
"""Pandoc's styles, and what they become: lines between cells, links that are seen without their colour, contrast."""
CONTENTS_STYLE = (
    '<w:style w:type="paragraph" w:styleId="TOC{level}"><w:name w:val="toc {level}" /><w:basedOn w:val="Normal" />'
    '<w:uiPriority w:val="39" /><w:pPr><w:spacing w:after="60" /><w:ind w:left="{indent}" /></w:pPr></w:style>'
)
CODE_STYLE = (
    '<w:style w:type="paragraph" w:customStyle="1" w:styleId="SourceCode"><w:name w:val="Source Code" />'
    '<w:basedOn w:val="Normal" /><w:pPr><w:shd w:val="clear" w:color="auto" w:fill="F3F4F6" />'
    '<w:wordWrap w:val="off" /></w:pPr></w:style>'
)
"""Pandoc names this style and writes it only where it colours code."""
CONTENTS_LINE = (
    '<w:p><w:pPr><w:pStyle w:val="TOC{level}" /></w:pPr><w:hyperlink w:anchor="{anchor}"><w:r>'
    '<w:rPr><w:rStyle w:val="Hyperlink" /></w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:hyperlink></w:p>'
)
PAPER = (
    '<w:pgSz w:w="11906" w:h="16838" /><w:pgMar w:top="1418" w:right="1418" w:bottom="1418" w:left="1418" '
    'w:header="709" w:footer="709" w:gutter="0" />'
)
"""A4 with margins of 2.5 cm, in twentieths of a point; pandoc names no paper."""
FIELD_SEPARATOR, FIELD_END = '<w:fldChar w:fldCharType="separate" />', '<w:fldChar w:fldCharType="end" /></w:r></w:p>'


def write(book: Book, file: Path) -> None:
    """Write the Word file; every link and picture is looked at before."""
    blocks = [block for page in book.pages for block in _chapter(page, book)]
    locale, contents = LOCALES[book.language]
    meta = {"title": book.pages[0].title, "lang": locale, "toc-title": contents}
    file.parent.mkdir(parents=True, exist_ok=True)
    made = file.with_suffix(".pandoc.docx")
    meta_nodes = {key: meta_of(value) for key, value in meta.items()}
    try:
        convert(blocks, meta_nodes, "docx", ["--resource-path", str(book.root)], made)
        _mended(made, {"word/styles.xml": _styles, "word/document.xml": lambda xml: _text(xml, blocks)}, file)
    finally:
        made.unlink(missing_ok=True)


def _chapter(page: Page, book: Book) -> list[Node]:
    """The blocks of one file: the first file's h1 is the title already, so that what follows moves up by one level."""
    first = page is book.pages[0]

    def change(node: Node) -> Node | list[Node]:
        if node["t"] == "Link":
            return linked(node, page, book, lambda aim, anchor: f"#{_bookmark(aim, anchor, book)}")
        if node["t"] == "Image":
            return _as_png(node, page, book)
        if node["t"] == "Header":
            level, (anchor, classes, more), content = node["c"]
            return _header(level - first, _bookmark(page, anchor, book), content, [classes, more])
        return node

    top = _bookmark(page, page.anchor, book)
    begin = {"t": "Div", "c": [[top, [], []], []]} if first else _header(1, top, page.title, [[], []])
    blocks: list[Node] = [begin, *changed(page.blocks, change)]
    return blocks


def _header(level: int, anchor: str, content: list[Node], more: list[list[Node]]) -> Node:
    return {"t": "Header", "c": [level, [anchor, *more], content]}


def _bookmark(page: Page, anchor: str, book: Book) -> str:
    """A name that no other heading of the document has; Word takes at most 40 characters."""
    return f"p{book.pages.index(page)}h{page.anchors.index(anchor or page.anchor)}"


def _as_png(image: Node, page: Page, book: Book) -> Node:
    """The picture by its path in the repository; Word takes no SVG everywhere, so the PNG beside it."""
    attributes, alt, (target, title) = image["c"]
    png = (page.file.parent / target).with_suffix(".png") if target.endswith(".svg") else page.file.parent / target
    if not (book.root / png).is_file():
        raise DocumentError(f"{page.file}: the picture {target} has no {png.name} beside it, which the Word file needs")
    return {"t": "Image", "c": [attributes, alt, [str(png), title]]}


def _mended(made: Path, changes: dict[str, Callable[[str], str]], file: Path) -> None:
    """Copy the file that pandoc made, with some of its parts changed."""
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename in changes:
                data = changes[part.filename](data.decode()).encode()
            new.writestr(part, data)


def _styles(xml: str) -> str:
    for style, old, new in STYLES:
        begin = xml.index(f'w:styleId="{style}"')
        end = xml.index("</w:style>", begin)
        xml = xml[:begin] + _swapped(xml[begin:end], old, new) + xml[end:]
    levels = (CONTENTS_STYLE.format(level=level, indent=300 * (level - 1)) for level in (1, 2, 3))
    return _swapped(xml, "</w:styles>", "".join(levels) + CODE_STYLE + "</w:styles>")


def _text(xml: str, blocks: list[Node]) -> str:
    """Set the paper and fill the table of contents, which pandoc leaves to Word; Word adds the numbers of pages."""
    headings = [node["c"] for node in found(blocks, "Header") if node["c"][0] <= 3]
    lines = "".join(
        CONTENTS_LINE.format(level=level, anchor=anchor, text=escape(text_of(content)))
        for level, (anchor, *_), content in headings
    )
    field = f"{FIELD_SEPARATOR}</w:r></w:p>{lines}<w:p><w:r>{FIELD_END}"
    xml = _swapped(xml, "</w:sectPr>", PAPER + "</w:sectPr>")
    return _swapped(xml, FIELD_SEPARATOR + FIELD_END, field)


def _swapped(xml: str, old: str, new: str) -> str:
    if xml.count(old) != 1:
        raise DocumentError(f"pandoc writes Word files in another way than docs/word.py knows: {old}")
    return xml.replace(old, new)
