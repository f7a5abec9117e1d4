"""Accessibility of the Word file: screen reader and print."""

from __future__ import annotations

from pathlib import Path

import pytest

from .parsed import NAMES, Page, R, W, Word, contrast, skips, style_of, text

pytestmark = pytest.mark.docs
LOCALES = {"fr": "fr-FR", "en": "en-GB"}


def test_the_word_file_has_its_language_and_its_title(word: Word, language: str) -> None:
    core = word.part("docProps/core.xml")
    assert core.findtext("dc:language", namespaces=NAMES) == LOCALES[language]
    assert core.findtext("dc:title", namespaces=NAMES) == word.paragraphs("Title")[0] != ""
    languages = word.part("word/styles.xml").findall("w:docDefaults//w:lang", NAMES)
    assert [language.get(f"{W}val") for language in languages] == [LOCALES[language]]


def test_the_headings_of_the_word_file_are_styles_and_skip_no_level(word: Word) -> None:
    assert word.levels and not skips(word.levels)
    for level in set(word.levels):
        outline = word.styles[f"Heading{level}"].find("w:pPr/w:outlineLvl", NAMES)
        assert outline is not None and outline.get(f"{W}val") == str(level - 1)


def test_the_table_of_contents_of_the_word_file_is_a_field_and_is_filled(word: Word, language: str) -> None:
    assert "TOC " in "".join(node.text or "" for node in word.found(".//w:sdt//w:instrText"))
    assert word.paragraphs("TOCHeading") == [{"fr": "Sommaire", "en": "Contents"}[language]]
    listed = [t for level in (1, 2, 3) for t in word.paragraphs(f"TOC{level}")]
    assert sorted(listed) == sorted(t for level in (1, 2, 3) for t in word.paragraphs(f"Heading{level}"))
    assert {"TOC1", "TOC2", "TOC3"} <= set(word.styles)


def test_lists_tables_and_links_of_the_word_file_are_real(word: Word, pages: list[Page]) -> None:
    items = [p for p in word.found(".//w:p") if p.find("w:pPr/w:numPr", NAMES) is not None]
    assert len(items) >= len([li for page in pages for li in page.all(".text > ul li, .text > ol li")])
    tables = word.found(".//w:tbl")
    assert len(tables) == len([table for page in pages for table in page.all("table")])
    assert all(table.find("w:tr[1]/w:trPr/w:tblHeader", NAMES) is not None for table in tables)
    marks = {mark.get(f"{W}name") for mark in word.found(".//w:bookmarkStart")}
    assert {link.get(f"{W}anchor") for link in word.found(".//w:hyperlink[@w:anchor]")} <= marks
    assert word.styles["Hyperlink"].find("w:rPr/w:u", NAMES) is not None
    assert word.styles["Table"].find("w:tblPr/w:tblBorders", NAMES) is not None


def test_every_style_of_the_word_file_exists(word: Word) -> None:
    named = {style.get(f"{W}val", "") for style in word.found(".//w:rStyle")}
    assert named | {style_of(p) for p in word.found(".//w:p")} - {""} <= set(word.styles)


TEXT_WIDTH, TEXT_HEIGHT = 11906 - 2 * 1418, 16838 - 2 * 1418
CODE_STYLE = "w:rPr/w:rStyle[@w:val='VerbatimChar']"


def test_a_table_of_the_word_file_is_as_wide_as_the_text_and_its_rows_stay_whole(word: Word) -> None:
    for table in word.found(".//w:tbl"):
        width = table.find("w:tblPr/w:tblW", NAMES)
        assert width is not None and (width.get(f"{W}type"), width.get(f"{W}w")) == ("pct", "5000")
        columns = [int(column.get(f"{W}w", "0")) for column in table.iterfind("w:tblGrid/w:gridCol", NAMES)]
        assert sum(columns) == TEXT_WIDTH and min(columns) > 500
        for row in table.iterfind("w:tr", NAMES):
            assert row.find("w:trPr/w:cantSplit", NAMES) is not None
            assert [int(cell.get(f"{W}w", "0")) for cell in row.iterfind("w:tc/w:tcPr/w:tcW", NAMES)] == columns


def test_a_column_of_the_word_file_with_more_text_is_wider(made: Path) -> None:
    table = Word(made / "built" / "c11.docx").found(".//w:tbl")[1]
    name, words = [int(column.get(f"{W}w", "0")) for column in table.iterfind("w:tblGrid/w:gridCol", NAMES)]
    assert words > name > TEXT_WIDTH / 4, "a name of 39 letters still has room for 24"


def test_code_of_the_word_file_is_monospaced(word: Word) -> None:
    fonts = word.styles["VerbatimChar"].find("w:rPr/w:rFonts", NAMES)
    assert fonts is not None and fonts.get(f"{W}ascii") == "Consolas"
    code = [run for run in word.found(".//w:tbl//w:r") if run.find(CODE_STYLE, NAMES) is not None]
    assert all(run.find("w:rPr/w:rFonts", NAMES) is not None for run in code)


def test_the_word_file_numbers_its_pages(word: Word, language: str) -> None:
    (reference,) = word.found(".//w:sectPr/w:footerReference")
    relations = {relation.get("Id"): relation.get("Target") for relation in word.part("word/_rels/document.xml.rels")}
    target = f"word/{relations[reference.get(f'{R}id')]}"
    assert f'PartName="/{target}"'.encode() in word.parts["[Content_Types].xml"]
    footer = word.part(target)
    assert text(footer) == {"fr": "page 1 sur 1", "en": "page 1 of 1"}[language]
    fields = [(field.get(f"{W}instr") or "").strip() for field in footer.iterfind(".//w:fldSimple", NAMES)]
    assert fields == ["PAGE", "NUMPAGES"]


def test_each_file_except_the_first_starts_a_page_of_the_word_file(word: Word, pages: list[Page]) -> None:
    begun = [text(p) for p in word.found(".//w:p") if p.find("w:pPr/w:pageBreakBefore", NAMES) is not None]
    assert sorted(begun) == sorted(page.one("h1").text() for page in pages if page.file.name != "index.html")


def test_a_picture_of_the_word_file_is_as_wide_as_the_text(word: Word) -> None:
    sizes = [(int(size.get("cx", "0")), int(size.get("cy", "0"))) for size in word.found(".//wp:extent")]
    for width, height in sizes:
        assert width == pytest.approx(635 * TEXT_WIDTH, abs=2) or height == pytest.approx(
            635 * (16838 - 2 * 1418), abs=2
        )


def test_the_word_file_has_a4_pages_and_readable_colours(word: Word) -> None:
    (paper,) = word.found(".//w:sectPr/w:pgSz")
    assert (paper.get(f"{W}w"), paper.get(f"{W}h")) == ("11906", "16838"), "A4"
    for name in {style_of(p) for p in word.found(".//w:p")} - {""} | {"Hyperlink"}:
        for colour in word.styles[name].iterfind("w:rPr/w:color", NAMES):
            assert contrast(f"#{colour.get(f'{W}val')}", "#ffffff") >= 7, name
