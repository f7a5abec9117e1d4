"""What the pages take from the code is what the code says now, in both languages."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GENERATE = ROOT / "docs" / "generate.py"


@pytest.fixture(scope="module")
def generate() -> dict[str, Any]:
    return runpy.run_path(str(GENERATE))


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "docs" / "generate.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": str(ROOT)})


def test_no_page_is_stale() -> None:
    ended = check(ROOT)
    assert ended.returncode == 0, ended.stderr


def test_a_part_that_was_edited_by_hand_is_stale(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for folder in ("otel/prometheus", "pipeline/load/tables"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    page = tmp_path / "docs" / "c11" / "1-metriques.md"
    page.write_text(page.read_text(encoding="utf-8").replace("| compteur, verbatims |", "| jauge |"), encoding="utf-8")
    ended = check(tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "docs/c11/1-metriques.md is stale: run python docs/generate.py\n")


def test_every_part_is_in_the_english_pages_and_has_every_name(generate: dict[str, Any]) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "en").glob("*.md"))
    assert set(re.findall(r"<!-- generated: (\w+) -->", pages)) == set(generate["PARTS"])
    rows = {"metrics": 10, "model": 9, "settings": 25, "columns": 25, "views": 7, "commands": 50, "alerts": 30}
    assert rows.keys() == generate["PARTS"].keys()
    for name, least in rows.items():
        for language in ("en", "fr"):
            assert generate["PARTS"][name](language).count("\n| ") >= least, (name, language)


@pytest.mark.parametrize("name", ["settings", "columns", "views", "commands"])
def test_french_pages_say_what_is_in_english(generate: dict[str, Any], name: str) -> None:
    made = generate["PARTS"][name]("fr")
    english = re.findall(r'<span lang="en">.*?</span>', made)
    assert len(english) > 7 and "What it" not in made
