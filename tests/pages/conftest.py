"""The pages that people look at, built anew: reports, documentation, runbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from required import skip_or_fail

from .browser import Seen, look

ROOT = Path(__file__).parents[2]
OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE")


def call(folder: Path, *arguments: str, code: int = 0) -> str:
    """The output of a command, in a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    command = [sys.executable, "-m", "pipeline", *arguments]
    environment = {**clean, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == code, ended.stderr
    return ended.stdout


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of a run in both languages, of one with failures, and of one that came to nothing."""
    folder = tmp_path_factory.mktemp("reports")
    run = json.loads(call(folder, "run", "--json"))["run_id"]
    kept = [keep(folder, run, language) for language in ("en", "fr")]
    rows = ['{"id": 1, "text": "The parcel came late and the box was open"}', "no JSON", '{"id": 2}']
    (folder / "shop.jsonl").write_text("\n".join(rows), encoding="utf-8")
    call(folder, "run", "--input", "shop.jsonl", code=1)
    kept.append(keep(folder, "failures", "fr"))
    call(folder, "scrape", "--input", "shop.jsonl", "--source", "other", code=1)
    kept.append(keep(folder, "nothing", "en"))
    return kept


def keep(folder: Path, name: str, language: str) -> Path:
    """The report of the latest run under a name of its own, since the next one would replace it."""
    made = folder / call(folder, "report", "--lang", language).strip()
    return made.rename(folder / f"{name}-{language}.html")


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every page of the documentation, and the runbook that Prometheus serves."""
    try:
        import pypandoc  # noqa: F401 - only asked for
    except ModuleNotFoundError:
        skip_or_fail("pypandoc is not installed (make test-pages does it)")
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, ROOT / "docs" / "build.py", folder], check=True, capture_output=True, timeout=200)
    return sorted({*folder.rglob("*.html"), *(ROOT / "otel" / "prometheus" / "web").glob("*.html")})


@pytest.fixture(scope="session")
def seen(reports: list[Path], documents: list[Path]) -> list[Seen]:
    """All of them as a browser sees them."""
    assert len(documents) > 20
    return look([*reports, *documents])
