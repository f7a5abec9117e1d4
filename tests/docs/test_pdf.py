"""The PDF is tagged and says what a screen reader asks for."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from .parsed import Page, Word, skips

pytestmark = pytest.mark.docs


@pytest.fixture(scope="module")
def pdf(built: Path, document: str) -> str:
    """The objects of the file, those in streams too."""
    raw = (built / f"{document}.pdf").read_bytes()
    parts = [raw]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", raw, re.DOTALL):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(parts).decode("latin-1")


def test_the_pdf_is_tagged_and_claims_pdf_ua(pdf: str) -> None:
    assert re.search(r"/MarkInfo\s*<<\s*/Marked true", pdf) and "/StructTreeRoot" in pdf
    assert re.search(r"pdfuaid:part(?:>|=\")1", pdf)


def test_the_pdf_has_its_language_and_shows_its_title(pdf: str, language: str, pages: list[Page]) -> None:
    assert re.search(rf"/Lang\s*\({language}\)", pdf)
    assert "/DisplayDocTitle true" in pdf
    [title] = [page.one("h1").text() for page in pages if page.file.name == "index.html"]
    assert title in _texts(pdf, "Title")


def test_the_headings_of_the_pdf_skip_no_level(pdf: str, word: Word) -> None:
    levels = [int(level) for level in re.findall(r"/S\s*/H([1-6])\b", pdf)]
    assert levels.count(1) == 1 and not set(levels) - set(range(1, max(levels) + 1))
    # one for the title and one for the table of contents
    assert len(levels) == len(word.levels) + 2 and not skips([1, *(level + 1 for level in word.levels)])


def test_every_picture_of_the_pdf_has_an_alternative_text(pdf: str, pages: list[Page]) -> None:
    assert len(re.findall(r"/S\s*/Figure", pdf)) == sum(len(page.all("img")) for page in pages)
    alternatives = {text.strip() for text in _texts(pdf, "Alt")}
    for image in (image for page in pages for image in page.all("img")):
        assert image.attributes["alt"] in alternatives


def test_tables_lists_and_links_of_the_pdf_are_tagged(pdf: str, pages: list[Page]) -> None:
    for tag, selector in (("Table", "table"), ("TH", "th"), ("L", ".text ul, .text ol")):
        least = sum(len(page.all(selector)) for page in pages)
        assert len(re.findall(rf"/S\s*/{tag}\b", pdf)) >= least, tag
    assert not any(page.all(".text a") for page in pages) or re.search(r"/S\s*/Link\b", pdf)


def _texts(pdf: str, key: str) -> list[str]:
    """The values of a key that are texts: in Latin letters, or as hexadecimal UTF-16."""
    plain = re.findall(rf"/{key}\s*\(((?:[^()\\]|\\.)*)\)", pdf)
    coded = re.findall(rf"/{key}\s*<([0-9a-fA-F]+)>", pdf)
    return [
        *(re.sub(r"\\(.)", r"\1", text) for text in plain),
        *(bytes.fromhex(text).decode("utf-16") for text in coded),
    ]
