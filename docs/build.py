#!/usr/bin/env python3
"""Builds the documents of the list below: one HTML page for each Markdown file, the whole as Word and as PDF."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

try:
    import pypandoc  # noqa: F401
except ModuleNotFoundError:
    sys.exit("pypandoc is missing: run `make docs`, which installs it")
try:
    import pdf
except (ModuleNotFoundError, OSError) as error:
    # an OSError: a library of the system that it loads is missing
    sys.exit(f"WeasyPrint or its library pango is missing: run `make docs`, with libpangoft2-1.0-0 installed ({error})")

import web
import word
from links import RUNBOOK, Book
from tree import DocumentError, read

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Document:
    """What is built: the name of its output and of its folder in docs/, and its language."""

    name: str
    language: str
    translation: str = ""
    """The document that has the same pages in another language."""


DOCUMENTS = (Document("c11", "fr"), Document("en", "en", "fr"), Document("fr", "fr", "en"))


def main() -> int:
    """Build all documents; exit code 1 with one line where something is wrong in one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "docs", help="default: build/docs")
    parser.add_argument(
        "--repository",
        default=os.environ.get("DOCS_REPOSITORY", ""),
        help="address before the path of a file in the repository; without it a link to one becomes text",
    )
    arguments = parser.parse_args()
    try:
        for book in _books(arguments.repository.rstrip("/")):
            write(book, arguments.folder)
        _copy_runbook(arguments.folder)
    except (DocumentError, OSError, RuntimeError) as error:
        print(f"docs: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def write(book: Book, folder: Path) -> None:
    """Write one document into the folder: the Word file, the PDF, and a folder of pages."""
    word.write(book, folder / f"{book.name}.docx")
    web.write(book, folder / book.name)
    pdf.write(book, folder / f"{book.name}.pdf")
    print(f"{book.name}: {len(book.pages)} pages, {book.name}.docx and {book.name}.pdf in {folder}")


def _books(repository: str) -> list[Book]:
    """All documents that there are, each knowing of the others."""
    all_pages = {
        document.name: tuple(read(ROOT, file, document.language) for file in _files(document))
        for document in DOCUMENTS
        if (ROOT / "docs" / document.name).is_dir()
    }
    languages = {document.name: document.language for document in DOCUMENTS}
    return [
        Book(
            ROOT,
            document.name,
            document.language,
            all_pages[document.name],
            repository,
            {name: pages for name, pages in all_pages.items() if name != document.name},
            (document.translation, languages.get(document.translation, "")),
        )
        for document in DOCUMENTS
        if document.name in all_pages
    ]


def _files(document: Document) -> list[PurePosixPath]:
    """The Markdown files of a document: its README, those that it links to in its order, then all others."""
    folder = PurePosixPath("docs") / document.name
    readme = folder / "README.md"
    if not (ROOT / readme).is_file():
        raise DocumentError(f"{readme} is missing, and the document {document.name} begins with it")
    named = re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / readme).read_text(encoding="utf-8"))
    there = sorted(file.name for file in (ROOT / folder).glob("*.md"))
    order = dict.fromkeys(["README.md", *(name for name in named if name in there), *there])
    return [folder / name for name in order]


def _copy_runbook(folder: Path) -> None:
    """The page that the alerts link to, beside the documents."""
    if (ROOT / RUNBOOK.page).is_file():
        shutil.copyfile(ROOT / RUNBOOK.page, folder / RUNBOOK.name)


if __name__ == "__main__":
    sys.exit(main())
