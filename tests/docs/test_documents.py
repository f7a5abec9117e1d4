"""The builder's output for the sample pages, and its error messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import run
from .parsed import NAMES, Page, Word, text

pytestmark = pytest.mark.docs
GUIDE, WATERING = "docs/c11/README.md", "docs/c11/arrosage.md"


def test_every_picture_has_an_alternative_text(pages: list[Page], word: Word) -> None:
    pictures = [image for page in pages for image in page.all("img")]
    assert all((image.attributes["alt"] or "").strip() for image in pictures)
    drawn = word.found(".//wp:docPr")
    assert len(drawn) == len(pictures)
    assert all(picture.get("descr", "").strip() for picture in drawn)


def test_the_sample_gives_the_expected_chapters_and_links(made: Path) -> None:
    word, page = Word(made / "built" / "c11.docx"), Page(made / "built" / "c11" / "index.html")
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
    assert "Attention" in Page(made / "built" / "c11" / "arrosage.html").one("main .warning").text()
    assert "Attention" in word.paragraphs("BodyText") + word.paragraphs("FirstParagraph")
    assert any("media" in name and name.endswith(".png") for name in word.parts)
    assert text(word.found(".//w:hyperlink[@w:anchor='p1h0']")[-1]) == "lien vers une page"


FRENCH = (
    "Quand arroser\u00a0: le soir\u202f; pourquoi\u202f? Moins d'eau part\u202f! Le robinet «\u00a0eau : froide\u00a0» "
    "reste ouvert à 20\u00a0% «\u00a0ainsi\u00a0»\u00a0: c'est dit, avec a ; b ? c ! 5 % et %s."
)
LISTING = 'echo "un : deux ; trois ? quatre ! « cinq » 6 %"'


def test_french_punctuation_stays_with_its_word_and_code_is_unchanged(made: Path) -> None:
    page, word = Page(made / "built" / "c11" / "arrosage.html"), Word(made / "built" / "c11.docx")
    assert FRENCH in [p.text() for p in page.all("main p")]
    assert FRENCH in [text(p) for p in word.found(".//w:p")]
    assert page.all("pre")[-1].text().strip() == LISTING == word.paragraphs("SourceCode")[-1]


def test_an_english_document_has_english_labels(made: Path) -> None:
    word, page = Word(made / "built" / "en.docx"), Page(made / "built" / "en" / "watering.html")
    assert page.one("html").attributes["lang"] == "en" and page.all("a")[0].text() == "Skip to content"
    assert "Water : in the evening ; why ?" in page.one("main").text()
    assert text(word.part("word/footer1.xml")) == "page 1 of 1" and page.all(".pages a")[0].text() == "Home"
    assert page.all("nav[aria-label=Contents]") and word.paragraphs("TOCHeading") == ["Contents"]
    assert word.part("docProps/core.xml").findtext("dc:language", namespaces=NAMES) == "en-GB"


def test_a_link_to_another_document_is_one_on_its_pages_and_text_in_its_files(made: Path) -> None:
    page, word = Page(made / "built" / "en" / "index.html"), Word(made / "built" / "en.docx")
    assert "../c11/index.html#outils" in [a.attributes["href"] for a in page.all("main a")]
    assert any("French guide to tools\u00a0(docs/c11/README.md)" in text(p) for p in word.found(".//w:p"))


def test_pages_are_in_the_order_in_which_the_first_links_to_them(sample: Path) -> None:
    (sample / "docs" / "en" / "apples.md").write_text("# Apples\n\nText.\n", encoding="utf-8")
    assert run(sample).returncode == 0
    page = Page(sample / "built" / "en" / "index.html")
    assert [a.text() for a in page.all(".pages a")] == ["Home", "Watering", "Apples"]


def test_a_repository_address_turns_file_paths_into_links(sample: Path) -> None:
    result = run(sample, DOCS_REPOSITORY="https://exemple.fr/depot/")
    assert result.returncode == 0, result.stderr
    links = [a.attributes["href"] for a in Page(sample / "built" / "c11" / "index.html").all("main a")]
    assert "https://exemple.fr/depot/README.md" in links


def test_two_builds_with_the_same_date_are_equal(sample: Path) -> None:
    files = []
    for _ in range(2):
        assert run(sample, SOURCE_DATE_EPOCH="1700000000").returncode == 0
        files.append({file: file.read_bytes() for file in (sample / "built").rglob("*.*")})
    assert files[0] == files[1] and len(files[0]) == 12


def test_the_page_of_a_removed_file_is_deleted(sample: Path) -> None:
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
def test_an_error_in_a_page_is_reported_in_one_line(sample: Path, file: str, old: str, new: str, message: str) -> None:
    source = sample / file
    assert old in source.read_text(encoding="utf-8")
    source.write_text(source.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    _fails(sample, f"docs: {file}: {message}")


def test_a_drawing_without_its_png_is_reported_in_one_line(sample: Path) -> None:
    (sample / "docs" / "c11" / "entree-sortie.png").unlink()
    needed = "the picture entree-sortie.svg has no entree-sortie.png beside it, which the Word file needs"
    _fails(sample, f"docs: {GUIDE}: {needed}")


def test_a_missing_document_is_reported_in_one_line(sample: Path) -> None:
    (sample / GUIDE).unlink()
    _fails(sample, f"docs: {GUIDE} is missing, and the document c11 begins with it")


def test_without_pandoc_the_builder_names_the_install_command(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "pypandoc.py").write_text("raise ModuleNotFoundError('pypandoc')", encoding="utf-8")
    _fails(sample, "pypandoc is missing: run `make docs`, which installs it", PYTHONPATH=str(tmp_path))


def test_without_weasyprint_the_builder_names_the_install_command(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "weasyprint.py").write_text("raise OSError('cannot load libpango')", encoding="utf-8")
    needed = "with libpangoft2-1.0-0 installed (cannot load libpango)"
    _fails(
        sample,
        f"WeasyPrint or its library pango is missing: run `make docs`, {needed}",
        PYTHONPATH=str(tmp_path),
    )


def _fails(root: Path, line: str, **variables: str) -> None:
    result = run(root, **variables)
    assert (result.returncode, result.stderr.splitlines()) == (1, [line])
    assert not (root / "built" / "c11.docx").exists()
