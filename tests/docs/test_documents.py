"""What a reader of the built documents relies on, with a screen reader, a keyboard, a zoom or a printer."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from urllib.parse import unquote

import pytest

from .conftest import ROOT, run
from .parsed import NAMES, Page, W, Word, contrast, skips, style_of, text, themes

pytestmark = pytest.mark.docs
TEMPLATE = (ROOT / "docs" / "template.html").read_text(encoding="utf-8")
GUIDE, WATERING = "docs/c11/README.md", "docs/c11/arrosage.md"


def test_a_page_says_its_language_and_has_a_title_of_its_own(pages: list[Page]) -> None:
    assert {page.one("html").attributes["lang"] for page in pages} == {"fr"}
    titles = [page.one("head > title").text(strip=True) for page in pages]
    assert all(titles) and len(set(titles)) == len(titles)


def test_a_page_has_one_h1_in_its_main_part_and_leaves_out_no_level(pages: list[Page]) -> None:
    for page in pages:
        assert page.one("h1").css_matches("main > h1") and page.levels[0] == 1, page.file
        assert not skips(page.levels), page.file


def test_a_page_has_its_landmarks_and_the_skip_link_comes_first(pages: list[Page]) -> None:
    for page in pages:
        assert [page.one(f"body > {tag}").tag for tag in ("header", "main", "footer")]
        first = page.all("a")[0]
        assert first.text(strip=True) == "Aller au contenu"
        (target,) = page.all(f"main > [id='{(first.attributes['href'] or '')[1:]}'][tabindex='-1']")
        assert not target.css("nav"), "the link skips the navigation"
        labels = [nav.attributes["aria-label"] for nav in page.all("main > nav")]
        assert labels == ["Pages du document", "Sommaire"][: len(labels)] and labels, page.file


def test_the_heading_stands_before_the_navigation_and_the_contents_are_folded(pages: list[Page]) -> None:
    for page in pages:
        assert page.one("main > h1:first-child + nav.pages")
        for contents in page.all("nav.contents"):
            assert contents.css("details:not([open]) > summary")[0].text(strip=True) == "Sommaire"
        assert page.all(".pages a")[0].text(strip=True) == "Accueil"
        title = page.one("h1").text(strip=True)
        assert title not in [node.text(strip=True) for node in page.all("header p")], "said once"


def test_the_table_of_contents_lists_the_headings_of_the_page(pages: list[Page]) -> None:
    for page in pages:
        listed = [a.text(strip=True) for a in page.all("nav[aria-label=Sommaire] a")]
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


def test_every_picture_has_an_alternative_text(pages: list[Page], word: Word) -> None:
    pictures = [image for page in pages for image in page.all("img")]
    assert all((image.attributes["alt"] or "").strip() for image in pictures)
    drawn = word.found(".//wp:docPr")
    assert len(drawn) == len(pictures)
    assert all(picture.get("descr", "").strip() for picture in drawn)


def test_header_cells_say_what_they_head_and_a_table_scrolls_by_keyboard(pages: list[Page]) -> None:
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


def test_a_region_is_called_after_the_heading_above_it(sample: Path) -> None:
    assert run(sample).returncode == 0
    names = {}
    for file in ("index", "arrosage"):
        page = Page(sample / "built" / "c11" / f"{file}.html")
        names[file] = [region.attributes["aria-label"] for region in page.all("[role=region]")]
    assert names == {"index": ["Outils (1)", "Outils (2)"], "arrosage": ["Le matin"]}


def test_code_wraps_and_needs_no_region(pages: list[Page]) -> None:
    for page in pages:
        assert all(set(pre.attributes) <= {"class"} for pre in page.all("pre"))
    rule = re.findall(r"^pre \{(.*)\}", TEMPLATE, re.MULTILINE)[0]
    assert "white-space: pre-wrap" in rule and "overflow-wrap: anywhere" in rule


def test_a_long_name_in_a_table_may_wrap_and_is_copied_whole(sample: Path) -> None:
    assert run(sample).returncode == 0
    code = Page(sample / "built" / "c11" / "index.html").one("tbody tr:has(td) th code:has(wbr)")
    assert code.text() == "duree_moyenne_de_l_arrosage_en_secondes"
    assert code.html is not None and code.html.count("_<wbr>") == code.text().count("_")


def test_a_page_needs_nothing_from_elsewhere(pages: list[Page]) -> None:
    for page in pages:
        assert not page.all("script, link, iframe, object, embed, base"), page.file
        assert all((node.attributes["src"] or "").startswith("data:") for node in page.all("[src]")), page.file
        assert not page.all("[srcset]") and "@import" not in page.html and "url(" not in page.one("style").text()


def test_every_link_between_pages_leads_somewhere(pages: list[Page]) -> None:
    ids = {page.file.name: set(page.ids) for page in pages}
    for page in pages:
        for link in page.all("a[href]"):
            target = link.attributes["href"] or ""
            if re.match(r"https?:|mailto:", target):
                continue
            name, _, anchor = target.partition("#")
            assert (name or page.file.name) in ids, (page.file, target)
            assert not anchor or unquote(anchor) in ids[name or page.file.name], (page.file, target)


def test_the_word_file_says_its_language_and_its_title(word: Word) -> None:
    core = word.part("docProps/core.xml")
    assert core.findtext("dc:language", namespaces=NAMES) == "fr-FR"
    assert core.findtext("dc:title", namespaces=NAMES) == word.paragraphs("Title")[0] != ""
    languages = word.part("word/styles.xml").findall("w:docDefaults//w:lang", NAMES)
    assert [language.get(f"{W}val") for language in languages] == ["fr-FR"]


def test_the_headings_of_the_word_file_are_styles_and_leave_out_no_level(word: Word) -> None:
    assert word.levels and not skips(word.levels)
    for level in set(word.levels):
        outline = word.styles[f"Heading{level}"].find("w:pPr/w:outlineLvl", NAMES)
        assert outline is not None and outline.get(f"{W}val") == str(level - 1)


def test_the_table_of_contents_of_the_word_file_is_a_field_and_is_filled(word: Word) -> None:
    assert "TOC " in "".join(node.text or "" for node in word.found(".//w:sdt//w:instrText"))
    assert word.paragraphs("TOCHeading") == ["Sommaire"]
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
    assert {style_of(p) for p in word.found(".//w:p")} - {""} <= set(word.styles)


def test_the_word_file_has_paper_and_colours_that_can_be_read(word: Word) -> None:
    (paper,) = word.found(".//w:sectPr/w:pgSz")
    assert (paper.get(f"{W}w"), paper.get(f"{W}h")) == ("11906", "16838"), "A4"
    for name in {style_of(p) for p in word.found(".//w:p")} - {""} | {"Hyperlink"}:
        for colour in word.styles[name].iterfind("w:rPr/w:color", NAMES):
            assert contrast(f"#{colour.get(f'{W}val')}", "#ffffff") >= 7, name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_of_the_template_have_contrast(theme: str) -> None:
    colours = themes(TEMPLATE)[theme]
    for name, behind in product(("text", "quiet", "link", "visited"), ("background", "surface")):
        assert contrast(colours[name], colours[behind]) >= 7, (name, behind)
    for name, behind in product(("focus", "line"), ("background", "surface")):
        assert contrast(colours[name], colours[behind]) >= 3, (name, behind)


def test_the_template_has_no_other_colour() -> None:
    rest = re.sub(r":root \{.*?\}", "", TEMPLATE, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s])", rest) == ["#ffffff"], (
        "only a picture lies on white in both themes"
    )


def test_contrast_is_what_wcag_defines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#777777") == pytest.approx(4.48, abs=0.01)


def test_the_sample_becomes_these_chapters_and_links(sample: Path) -> None:
    assert run(sample).returncode == 0
    word, page = Word(sample / "built" / "c11.docx"), Page(sample / "built" / "c11" / "index.html")
    assert word.paragraphs("Title") == ["Guide du potager"]
    assert word.paragraphs("Heading1") == ["Outils", "Contenu", "Arrosage"]
    assert word.levels == [1, 2, 1, 1, 2, 3, 4, 2]
    assert [a.attributes["href"] for a in page.all(".text > p > a")][:4] == [
        "arrosage.html",
        "arrosage.html#le-soir-en-été",
        "#outils",
        "https://exemple.fr/",
    ]
    assert "la présentation\u00a0(<code>README.md</code>)" in page.html and "5 $ ou 6 $" in page.html
    assert "commentaire" not in page.html
    assert page.one("[role=doc-backlink]").attributes["aria-label"] == "Retour au texte"
    assert "Attention" in Page(sample / "built" / "c11" / "arrosage.html").one("main .warning").text()
    assert "Attention" in word.paragraphs("BodyText") + word.paragraphs("FirstParagraph")
    assert any("media" in name and name.endswith(".png") for name in word.parts)
    assert text(word.found(".//w:hyperlink[@w:anchor='p1h0']")[-1]) == "lien vers une page"


FRENCH = (
    "Quand arroser\u00a0: le soir\u202f; pourquoi\u202f? Moins d'eau part\u202f! Le robinet «\u00a0eau : froide\u00a0» "
    "reste ouvert à 20\u00a0% «\u00a0ainsi\u00a0»\u00a0: c'est dit, avec a ; b ? c ! 5 % et %s."
)
LISTING = 'echo "un : deux ; trois ? quatre ! « cinq » 6 %"'


def test_french_marks_stay_beside_their_words_and_code_stays_as_it_is(sample: Path) -> None:
    assert run(sample).returncode == 0
    page, word = Page(sample / "built" / "c11" / "arrosage.html"), Word(sample / "built" / "c11.docx")
    assert FRENCH in [p.text() for p in page.all("main p")]
    assert FRENCH in [text(p) for p in word.found(".//w:p")]
    assert page.all("pre")[-1].text().strip() == LISTING == word.paragraphs("SourceCode")[-1]


def test_an_english_document_has_english_words(sample: Path) -> None:
    builder = sample / "docs" / "build.py"
    builder.write_text(builder.read_text(encoding="utf-8").replace('"fr"', '"en"'), encoding="utf-8")
    assert run(sample).returncode == 0
    word, page = Word(sample / "built" / "c11.docx"), Page(sample / "built" / "c11" / "index.html")
    assert page.one("html").attributes["lang"] == "en" and page.all("a")[0].text() == "Skip to content"
    watering = Page(sample / "built" / "c11" / "arrosage.html").one("main").text()
    assert "arroser : le soir ; pourquoi ?" in watering
    assert page.all("nav[aria-label=Contents]") and word.paragraphs("TOCHeading") == ["Contents"]
    assert word.part("docProps/core.xml").findtext("dc:language", namespaces=NAMES) == "en-GB"


def test_an_address_of_the_repository_makes_links_of_its_files(sample: Path) -> None:
    result = run(sample, DOCS_REPOSITORY="https://exemple.fr/depot/")
    assert result.returncode == 0, result.stderr
    links = [a.attributes["href"] for a in Page(sample / "built" / "c11" / "index.html").all("main a")]
    assert "https://exemple.fr/depot/README.md" in links


def test_two_builds_of_one_date_are_equal(sample: Path) -> None:
    files = []
    for _ in range(2):
        assert run(sample, SOURCE_DATE_EPOCH="1700000000").returncode == 0
        files.append({file: file.read_bytes() for file in (sample / "built").rglob("*.*")})
    assert files[0] == files[1] and len(files[0]) == 3


def test_the_page_of_a_removed_file_goes(sample: Path) -> None:
    (sample / "docs" / "c11" / "zinnias.md").write_text("# Zinnias\n\nTexte.\n", encoding="utf-8")
    assert run(sample).returncode == 0
    (sample / "docs" / "c11" / "zinnias.md").unlink()
    assert run(sample).returncode == 0
    assert {file.name for file in (sample / "built" / "c11").iterdir()} == {"index.html", "arrosage.html"}


BROKEN = [
    (WATERING, "(README.md)", "(absent.md)", "the link to absent.md leads nowhere"),
    (WATERING, "#outils", "#outil", "the link to README.md#outil leads nowhere"),
    (GUIDE, "../../README.md", "../../../README.md", "the link to ../../../README.md leads nowhere"),
    (GUIDE, "L'entrée mène à la sortie", "", "the picture entree-sortie.svg has no alternative text"),
    (GUIDE, "entree-sortie.svg", "sortie.svg", "the picture sortie.svg is missing"),
    (GUIDE, "entree-sortie.svg", "https://exemple.fr/a.png", "the picture https://exemple.fr/a.png is missing"),
    (GUIDE, "### Rangement", "#### Rangement", "the heading 'Rangement' of level 4 follows one of level 2"),
    (WATERING, "## Le matin", "# Le matin", "the file has to begin with its only heading of level 1"),
    (WATERING, "Texte.", "<details>Texte.</details>", "HTML in the text: <details>Texte.</details>"),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), BROKEN, ids=[case[3] for case in BROKEN])
def test_what_is_broken_is_one_line(sample: Path, file: str, old: str, new: str, message: str) -> None:
    source = sample / file
    assert old in source.read_text(encoding="utf-8")
    source.write_text(source.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    _fails(sample, f"docs: {file}: {message}")


def test_a_drawing_without_its_png_is_one_line(sample: Path) -> None:
    (sample / "docs" / "c11" / "entree-sortie.png").unlink()
    needed = "the picture entree-sortie.svg has no entree-sortie.png beside it, which the Word file needs"
    _fails(sample, f"docs: {GUIDE}: {needed}")


def test_a_document_that_is_not_there_is_one_line(sample: Path) -> None:
    (sample / "docs" / "c11").rename(sample / "docs" / "c12")
    _fails(sample, f"docs: {GUIDE} is missing, and the document c11 is made of it")


def test_without_pandoc_the_builder_names_the_command(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "pypandoc.py").write_text("raise ModuleNotFoundError('pypandoc')", encoding="utf-8")
    _fails(sample, "pypandoc is missing: run `make docs`, which installs it", PYTHONPATH=str(tmp_path))


def _fails(root: Path, line: str, **variables: str) -> None:
    result = run(root, **variables)
    assert (result.returncode, result.stderr.splitlines()) == (1, [line])
    assert not (root / "built" / "c11.docx").exists()
