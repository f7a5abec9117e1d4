"""Accessibility of the HTML pages: screen reader, keyboard, zoom and print."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from urllib.parse import unquote

import pytest

from .conftest import ROOT
from .parsed import Page, Word, contrast, skips, themes

pytestmark = pytest.mark.docs
LABELS = {
    "fr": {"skip": "Aller au contenu", "pages": "Pages du document", "contents": "Sommaire", "home": "Accueil"},
    "en": {"skip": "Skip to content", "pages": "Pages of the document", "contents": "Contents", "home": "Home"},
}
TEMPLATE = (ROOT / "docs" / "template.html").read_text(encoding="utf-8")


def test_a_page_has_its_language_and_a_unique_title(pages: list[Page], language: str) -> None:
    assert {page.one("html").attributes["lang"] for page in pages} == {language}
    titles = [page.one("head > title").text(strip=True) for page in pages]
    assert all(titles) and len(set(titles)) == len(titles)


def test_a_page_has_one_h1_in_main_and_skips_no_heading_level(pages: list[Page]) -> None:
    for page in pages:
        assert page.one("h1").css_matches("main > h1") and page.levels[0] == 1, page.file
        assert not skips(page.levels), page.file


def test_a_page_has_its_landmarks_and_the_skip_link_comes_first(pages: list[Page], language: str) -> None:
    for page in pages:
        assert [page.one(f"body > {tag}").tag for tag in ("header", "main", "footer")]
        first = page.all("a")[0]
        assert first.text(strip=True) == LABELS[language]["skip"]
        (target,) = page.all(f"main > [id='{(first.attributes['href'] or '')[1:]}'][tabindex='-1']")
        assert not target.css("nav"), "the link skips the navigation"
        labels = [nav.attributes["aria-label"] for nav in page.all("main > nav")]
        assert labels == [LABELS[language]["pages"], LABELS[language]["contents"]][: len(labels)] and labels, page.file


def test_the_heading_is_before_the_navigation_and_the_contents_are_folded(pages: list[Page], language: str) -> None:
    for page in pages:
        assert page.one("main > h1:first-child + nav.pages")
        for contents in page.all("nav.contents"):
            assert contents.css("details:not([open]) > summary")[0].text(strip=True) == LABELS[language]["contents"]
        assert page.all(".pages a")[0].text(strip=True) == LABELS[language]["home"]
        title = page.one("h1").text(strip=True)
        assert title not in [node.text(strip=True) for node in page.all("header p")], "shown once"


def test_the_table_of_contents_lists_the_headings_of_the_page(pages: list[Page]) -> None:
    for page in pages:
        listed = [a.text(strip=True) for a in page.all("nav.contents a")]
        assert listed == [h.text(strip=True) for h in page.all("main h2, main h3")], page.file


def test_the_navigation_names_every_page_and_marks_the_current_one(pages: list[Page]) -> None:
    names = {page.file.name for page in pages}
    assert "index.html" in names
    for page in pages:
        assert {a.attributes["href"] for a in page.all(".pages a")} == names
        assert page.one(".pages [aria-current=page]").attributes["href"] == page.file.name


def test_ids_are_unique(pages: list[Page]) -> None:
    for page in pages:
        assert len(page.ids) == len(set(page.ids)), page.file


def test_header_cells_have_a_scope_and_a_table_scrolls_by_keyboard(pages: list[Page]) -> None:
    for page in pages:
        for table in page.all("table"):
            assert table.css("thead th"), page.file
            assert {th.attributes.get("scope") for th in table.css("thead th")} == {"col"}
            assert all(row.css("th:first-child[scope=row]") for row in table.css("tbody tr"))
            assert all(th.text(strip=True) for th in table.css("th"))
            region = table.parent
            assert region is not None and region.attributes["role"] == "region"
            assert region.attributes["tabindex"] == "0"
        labels = [region.attributes["aria-label"] for region in page.all("[role=region]")]
        assert all(labels) and len(set(labels)) == len(labels), page.file


def test_a_region_is_labelled_by_the_heading_above_it(made: Path) -> None:
    names = {}
    for file in ("index", "arrosage"):
        page = Page(made / "built" / "c11" / f"{file}.html")
        names[file] = [region.attributes["aria-label"] for region in page.all("[role=region]")]
    assert names == {"index": ["Outils (1)", "Outils (2)"], "arrosage": ["Le matin"]}


def test_code_wraps_and_needs_no_region(pages: list[Page]) -> None:
    for page in pages:
        assert all(set(pre.attributes) <= {"class"} for pre in page.all("pre"))
    rule = re.findall(r"^pre \{(.*)\}", TEMPLATE, re.MULTILINE)[0]
    assert "white-space: pre-wrap" in rule and "overflow-wrap: anywhere" in rule


def test_a_long_name_in_a_table_may_wrap_and_is_copied_unchanged(made: Path) -> None:
    code = Page(made / "built" / "c11" / "index.html").one("tbody tr:has(td) th code:has(wbr)")
    assert code.text() == "duree_moyenne_de_l_arrosage_en_secondes"
    assert code.html is not None and code.html.count("_<wbr>") == code.text().count("_")


def test_a_page_loads_no_external_resource(pages: list[Page]) -> None:
    for page in pages:
        assert not page.all("script, link:not([rel=alternate]), iframe, object, embed, base"), page.file
        assert all((node.attributes["src"] or "").startswith("data:") for node in page.all("[src]")), page.file
        assert not page.all("[srcset]") and "@import" not in page.html and "url(" not in page.one("style").text()


def test_every_link_between_pages_has_a_target(pages: list[Page], built: Path) -> None:
    ids = {file.resolve(): set(Page(file).ids) for file in built.rglob("*.html")}
    for page in pages:
        for link in page.all("a[href]"):
            target = link.attributes["href"] or ""
            if re.match(r"https?:|mailto:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (page.file.parent / name if name else page.file).resolve()
            assert file in ids, (page.file, target)
            assert not anchor or unquote(anchor) in ids[file], (page.file, target)


def test_a_page_and_its_translation_link_to_each_other(made: Path) -> None:
    for name, (other, word) in {"en": ("fr", "Français"), "fr": ("en", "English")}.items():
        for file in ("index.html", "watering.html"):
            page = Page(made / "built" / name / file)
            link = page.one("header nav a")
            assert (link.text(), link.attributes["lang"], link.attributes["hreflang"]) == (word, other, other)
            assert link.attributes["href"] == page.one("link").attributes["href"] == f"../{other}/{file}"
    assert not Page(made / "built" / "c11" / "index.html").all("header nav")


def test_a_part_in_another_language_says_so(made: Path) -> None:
    assert Page(made / "built" / "en" / "index.html").one("td [lang=fr]").text() == "retourner la terre"
    assert Page(made / "built" / "en" / "watering.html").one("div[lang=fr]").text(strip=True) == "Le soir."
    for name, words in (("en", "retourner"), ("en", "soir.")):
        xml = Word(made / "built" / f"{name}.docx").parts["word/document.xml"].decode()
        assert re.search(rf'<w:lang w:val="fr"[^>]*/>(?:(?!</w:r>).)*{words}', xml, re.DOTALL), words


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_of_the_template_have_enough_contrast(theme: str) -> None:
    colours = themes(TEMPLATE)[theme]
    for name, behind in product(("text", "quiet", "link", "visited"), ("background", "surface")):
        assert contrast(colours[name], colours[behind]) >= 7, (name, behind)
    for name, behind in product(("focus", "line"), ("background", "surface")):
        assert contrast(colours[name], colours[behind]) >= 3, (name, behind)


def test_the_template_has_no_other_colour() -> None:
    rest = re.sub(r":root \{.*?\}", "", TEMPLATE, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s])", rest) == ["#ffffff"], "only pictures are on white in both themes"


def test_contrast_equals_the_wcag_definition() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#777777") == pytest.approx(4.48, abs=0.01)
