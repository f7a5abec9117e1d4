"""What `pip install` of the project's wheel gives: the whole package, and no message that leads outside of it."""

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pipeline"

OUTSIDE = re.compile(r"\b(docs|tests|grafana|otel|dags)/\w|\.env\.example|README|CHANGELOG|\bmake [a-z]+`")
"""What only a checkout has."""


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    build = ["wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([sys.executable, "-m", "pip", *build, str(tmp_path), str(ROOT)], check=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    mine = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {str(path.relative_to(ROOT)) for path in mine} <= inside
    # what the program opens by name, some of it in the first minute
    for needed in ("py.typed", "sample.csv", "analyse/topics.yaml", "source/example.toml"):
        assert f"pipeline/{needed}" in inside
    for folder, ending in (("analyse/prompts", ".md"), ("load/tables", "schema.yaml"), ("store/migrations", ".py")):
        assert any(name.startswith(f"pipeline/{folder}/") and name.endswith(ending) for name in inside), folder


def said(file: Path) -> list[str]:
    """The texts of a module that are no docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in silent]
    return [node.value for node in texts if isinstance(node.value, str)]


def test_no_message_names_a_file_that_only_a_checkout_has() -> None:
    named = {str(file): [text for text in said(file) if OUTSIDE.search(text)] for file in PACKAGE.rglob("*.py")}
    named |= {str(file): OUTSIDE.findall(file.read_text(encoding="utf-8")) for file in PACKAGE.rglob("*.toml")}
    assert {file: texts for file, texts in named.items() if texts} == {}


def test_the_examples_of_sources_have_every_key() -> None:
    page = (ROOT / "docs" / "en" / "add-a-source.md").read_text(encoding="utf-8")
    example = (PACKAGE / "source" / "example.toml").read_text(encoding="utf-8")
    keys = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert len(keys) > 8 and [key for key in keys if not re.search(rf"^#{key} = ", example, re.MULTILINE)] == []
