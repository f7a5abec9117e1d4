"""How the Word file fills its pages: paper, page numbers, chapters, pictures and tables."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

from tree import Node, found, text_of
from word_styles import FONT, swapped

MARGIN, EMU = 1418, 635
"""2.5 cm in twentieths of a point, and one of these in the unit of pictures."""
WIDTH, HEIGHT = 11906 - 2 * MARGIN, 16838 - 2 * MARGIN
"""What an A4 page has for text."""
PAPER = (
    f'<w:pgSz w:w="11906" w:h="16838" /><w:pgMar w:top="{MARGIN}" w:right="{MARGIN}" w:bottom="{MARGIN}" '
    f'w:left="{MARGIN}" w:header="709" w:footer="709" w:gutter="0" />'
)
"""Pandoc names no paper."""
FOOTER, FOOTER_ID = "word/footer1.xml", "rIdFooter1"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PAGE_OF = {"fr": "page {page} sur {pages}", "en": "page {page} of {pages}"}
FIELD = (
    '</w:t></w:r><w:fldSimple w:instr=" {name} "><w:r><w:t>1</w:t></w:r></w:fldSimple><w:r><w:t xml:space="preserve">'
)
LETTERS, BESIDE = 88, 3
"""How many letters of a cell's text stand side by side over the whole width, and how many more a cell needs."""
LONGEST = {"text": 14, "code": 24}
"""How many letters of a word get room on one line in any case."""
CODE_STYLE = '<w:rPr><w:rStyle w:val="VerbatimChar" />'


def footer(language: str) -> str:
    """The part that shows the number of the page."""
    words = PAGE_OF[language].format(page=FIELD.format(name="PAGE"), pages=FIELD.format(name="NUMPAGES"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<w:ftr xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:p><w:pPr>'
        f'<w:pStyle w:val="Footer" /></w:pPr><w:r><w:t xml:space="preserve">{words}</w:t></w:r></w:p></w:ftr>'
    )


def with_footer_type(xml: str) -> str:
    """The list of the parts, with the footer."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"
    return swapped(xml, "</Types>", f'<Override PartName="/{FOOTER}" ContentType="{kind}" /></Types>')


def with_footer_relation(xml: str) -> str:
    """What belongs to the text, with the footer."""
    relation = f'<Relationship Type="{OFFICE}/footer" Id="{FOOTER_ID}" Target="footer1.xml" />'
    return swapped(xml, "</Relationships>", f"{relation}</Relationships>")


def laid_out(xml: str, tables: list[Node]) -> str:
    """The part word/document.xml, of which these are the tables."""
    xml = swapped(xml, "</w:sectPr>", PAPER + "</w:sectPr>")
    reference = f'<w:footerReference xmlns:r="{OFFICE}" w:type="default" r:id="{FOOTER_ID}" />'
    xml = re.sub(r"<w:sectPr\b[^>]*>", lambda begin: begin[0] + reference, xml)
    xml = re.sub(r"<w:drawing>.*?</w:drawing>", lambda picture: _as_wide_as_text(picture[0]), xml, flags=re.DOTALL)
    xml = re.sub(CHAPTER, r"\1<w:pageBreakBefore />", xml)
    order = iter(tables)
    return re.sub(r"<w:tbl>.*?</w:tbl>", lambda table: _table(table[0], widths(next(order))), xml, flags=re.DOTALL)


CHAPTER = r'(<w:bookmarkStart w:id="\d+" w:name="p[1-9]\d*h0" />\s*<w:p><w:pPr><w:pStyle w:val="Heading1" />)'
"""The heading of every file but the first, which begins on the page of the title."""


def _as_wide_as_text(picture: str) -> str:
    """A picture as wide as the text, or as high where that is less."""
    width, height = (int(re.findall(rf'<wp:extent\b[^>]*\b{side}="(\d+)"', picture)[0]) for side in ("cx", "cy"))
    scale = min(WIDTH * EMU / width, HEIGHT * EMU / height)
    return re.sub(r'\b(c[xy])="(\d+)"', lambda side: f'{side[1]}="{round(int(side[2]) * scale)}"', picture)


def widths(table: Node) -> list[int]:
    """The columns of a table: each has room for its longest word, and the rest goes to those with more text."""
    columns = list(zip(*_rows(table), strict=True))
    least = [BESIDE + max(_longest(cell) for cell in column) for column in columns]
    most = [BESIDE + max(len(text_of(cell[4])) for cell in column) for column in columns]
    wish = [max(1, long - short) for short, long in zip(least, most, strict=True)]
    spare = max(0, LETTERS - sum(least))
    shares = [short + spare * more / sum(wish) for short, more in zip(least, wish, strict=True)]
    made = [round(WIDTH * share / sum(shares)) for share in shares]
    return [*made[:-1], WIDTH - sum(made[:-1])]


def _rows(table: Node) -> list[list[Any]]:
    _, _, _, (_, head), bodies, _ = table["c"]
    rows = [*head, *(row for _, _, top, rest in bodies for row in (*top, *rest))]
    return [cells for _, cells in rows]


def _longest(cell: Any) -> int:
    """The letters of the longest word that gets room."""
    code = {word for node in found(cell, "Code") for word in node["c"][1].split()}
    words = text_of(cell[4]).split() or [""]
    return max(min(len(word), LONGEST["code" if word in code else "text"]) for word in words)


def _table(xml: str, columns: list[int]) -> str:
    """A table as wide as the text, whose rows stay in one piece; LibreOffice needs the font of code in each run."""
    xml = re.sub(r"<w:tblW\b[^>]*/>", '<w:tblW w:type="pct" w:w="5000" /><w:tblLayout w:type="fixed" />', xml, count=1)
    grid = "".join(f'<w:gridCol w:w="{width}" />' for width in columns)
    xml = re.sub(r"<w:tblGrid>.*?</w:tblGrid>", f"<w:tblGrid>{grid}</w:tblGrid>", xml, flags=re.DOTALL)
    xml = xml.replace('<w:pStyle w:val="Compact" />', '<w:pStyle w:val="TableText" />')
    xml = xml.replace(CODE_STYLE, f'{CODE_STYLE}{FONT}<w:sz w:val="17" /><w:szCs w:val="17" />')
    return re.sub(r"<w:tr>.*?</w:tr>", lambda row: _row(row[0], columns), xml, flags=re.DOTALL)


def _row(xml: str, columns: list[int]) -> str:
    if "<w:trPr>" not in xml:
        xml = xml.replace("<w:tr>", "<w:tr><w:trPr></w:trPr>")
    xml = xml.replace("<w:trPr>", "<w:trPr><w:cantSplit />")
    at = count()
    cell = r"<w:tcPr\s*/>"
    return re.sub(cell, lambda _: f'<w:tcPr><w:tcW w:type="dxa" w:w="{columns[next(at)]}" /></w:tcPr>', xml)
