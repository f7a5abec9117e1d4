#!/usr/bin/env python3
"""Builds the documents of the list below: one HTML page for each Markdown file, one Word file for the whole."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

try:
    import pypandoc  # noqa: F401
except ModuleNotFoundError:
    sys.exit("pypandoc is missing: run `make docs`, which installs it")

import web
import word
from links import Book
from tree import DocumentError, read

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Document:
    """What is built: the name of its output, its language, and its Markdown files in their order."""

    name: str
    language: str
    files: tuple[str, ...]
    """Paths in the repository, with * for any; a file that two of them name stands where the first does."""


DOCUMENTS = (Document("c11", "fr", ("docs/c11/README.md", "docs/c11/*.md")),)


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
        for document in DOCUMENTS:
            build(document, arguments.folder, arguments.repository.rstrip("/"))
    except (DocumentError, OSError, RuntimeError) as error:
        print(f"docs: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def build(document: Document, folder: Path, repository: str = "") -> None:
    """Write one document into the folder: the Word file, and a folder of pages."""
    pages = tuple(read(ROOT, file, document.language) for file in _files(document))
    book = Book(ROOT, document.language, pages, repository)
    word.write(book, folder / f"{document.name}.docx")
    web.write(book, folder / document.name)
    print(f"{document.name}: {len(pages)} pages and {document.name}.docx in {folder}")


def _files(document: Document) -> list[PurePosixPath]:
    """The Markdown files of a document, each once."""
    for name in document.files:
        if not any(ROOT.glob(name)):
            raise DocumentError(f"{name} is missing, and the document {document.name} is made of it")
    found = [file for name in document.files for file in sorted(ROOT.glob(name))]
    return [PurePosixPath(file.relative_to(ROOT).as_posix()) for file in dict.fromkeys(found)]


if __name__ == "__main__":
    sys.exit(main())
