"""Fixtures: a repository with sample pages or the real ones, and the builder run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from required import skip_or_fail

from .parsed import Page, Word

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "sample"


def run(root: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the builder of a repository into its folder built/."""
    clean = {name: value for name, value in os.environ.items() if name not in ("DOCS_REPOSITORY", "SOURCE_DATE_EPOCH")}
    command = [sys.executable, str(root / "docs" / "build.py"), str(root / "built"), *options]
    return subprocess.run(command, capture_output=True, text=True, env=clean | variables, cwd=root, timeout=300)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A repository of the builder and the sample pages."""
    return make_repository(tmp_path / "repository")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the sample whose documents are built, for tests that only look."""
    root = make_repository(tmp_path_factory.mktemp("docs") / "repository")
    result = run(root)
    assert result.returncode == 0, result.stderr
    return root


LANGUAGES = {"c11": "fr", "en": "en", "fr": "fr"}
"""The documents, and the language of each."""


@pytest.fixture(scope="session", params=["sample", "own"])
def built(request: pytest.FixtureRequest, made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built documents: those of the sample, and the project's own."""
    if request.param == "sample":
        return made / "built"
    result, root = _real(tmp_path_factory.mktemp("docs"))
    assert result.returncode == 0, result.stderr
    return root / "built"


@pytest.fixture(scope="session", params=LANGUAGES)
def document(request: pytest.FixtureRequest, built: Path) -> str:
    """The name of a document."""
    return str(request.param)


@pytest.fixture(scope="session")
def language(document: str) -> str:
    return LANGUAGES[document]


@pytest.fixture(scope="session")
def pages(built: Path, document: str) -> list[Page]:
    made = [Page(file) for file in sorted((built / document).glob("*.html"))]
    assert made
    return made


@pytest.fixture(scope="session")
def word(built: Path, document: str) -> Word:
    return Word(built / f"{document}.docx")


def make_repository(root: Path) -> Path:
    """Create a repository of the builder and the sample pages; skip if pandoc is not installed."""
    if find_spec("pypandoc") is None:
        skip_or_fail("pypandoc is not installed (make docs does it)")
    shutil.copytree(SAMPLE, root)
    for file in (*(ROOT / "docs").glob("*.py"), *(ROOT / "docs").glob("*.html")):
        shutil.copy(file, root / "docs")
    return root


def _real(folder: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    if find_spec("pypandoc") is None:
        skip_or_fail("pypandoc is not installed (make docs does it)")
    command = [sys.executable, str(ROOT / "docs" / "build.py"), str(folder / "built")]
    return subprocess.run(command, capture_output=True, text=True, timeout=300), folder
