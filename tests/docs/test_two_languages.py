"""The English and the French documentation have the same pages, each with the same parts."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from .conftest import ROOT

ENGLISH, FRENCH = ROOT / "docs" / "en", ROOT / "docs" / "fr"
NAMES = sorted(page.name for page in ENGLISH.glob("*.md"))
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"(?<!\!)\[[^]]*\]\(([^)\s]+)\)")
TRANSLATION = re.compile(r"\.\./(?:en|fr)/README\.md")
CODE = re.compile(r"`([^`\n]+)`")


def read(page: Path) -> str:
    """A page without what is generated, whose words the generator answers for."""
    return re.sub(r"<!-- generated: (\w+) -->.*?<!-- end -->", r"\1", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def prose(page: Path) -> str:
    return FENCE.sub("", read(page))


def fences(page: Path) -> list[tuple[str, str]]:
    """The code blocks: their comments alone are translated."""
    found = FENCE.findall(read(page))
    return [(kind, re.sub(r"^ *#.*\n", "", code, flags=re.MULTILINE)) for _, kind, code in found]


def anchors(page: Path) -> list[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = (heading.lower() for _, heading in HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8"))))
    return [re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings]


def target(page: Path, link: str) -> str:
    """Where a link leads: an anchor of a translated page is the number of its heading."""
    path, _, anchor = link.partition("#")
    if TRANSLATION.fullmatch(path):
        return "the other language"
    aim = page.parent / (path or page.name)
    if anchor and aim.parent == page.parent:
        return f"{PurePosixPath(path or page.name)}#{anchors(aim).index(anchor)}"
    return link


def pair(name: str) -> tuple[Path, Path]:
    return ENGLISH / name, FRENCH / name


def test_both_languages_have_the_same_pages_in_the_same_order() -> None:
    assert sorted(page.name for page in FRENCH.glob("*.md")) == NAMES
    english, french = (
        re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
        for folder in (ENGLISH, FRENCH)
    )
    assert english == french


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_the_same_headings_tables_and_generated_parts(name: str) -> None:
    english, french = (prose(page) for page in pair(name))
    for what in (r"^#+ ", r"^\|", r"^ *\d+\. ", r"^ *- ", r"^> ", r"^!\[", r"^[a-z]+$"):
        parts = [re.findall(what, text, re.MULTILINE) for text in (english, french)]
        assert parts[0] == parts[1], what


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_the_same_code_blocks(name: str) -> None:
    english, french = (fences(page) for page in pair(name))
    assert english == french


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_the_same_commands_files_and_settings(name: str) -> None:
    english, french = (set(CODE.findall(prose(page))) for page in pair(name))
    assert english == french


@pytest.mark.parametrize("name", NAMES)
def test_a_page_links_to_the_same_places(name: str) -> None:
    english, french = (Counter(target(page, link) for link in LINK.findall(prose(page))) for page in pair(name))
    assert english == french
