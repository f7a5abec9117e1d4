"""The French pages agree with the code: metrics, alerts, commands, addresses."""

import re
import runpy
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "c11").glob("*.md"))}


def test_exactly_the_existing_alerts_are_explained() -> None:
    rules = yaml.safe_load((ROOT / "otel" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    words = {"critical": "critique", "warning": "avertissement", "info": "information", "none": "toujours active"}
    alerts = {
        (rule["alert"], words[rule["labels"]["severity"]]) for group in rules["groups"] for rule in group["rules"]
    }
    row = re.compile(rf"^\| `(\w+)` \| ({'|'.join(words.values())}) \|", re.MULTILINE)
    explained = row.findall(PAGES["4-exploitation.md"])
    assert set(explained) == alerts


def test_every_make_command_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {name for page in PAGES.values() for name in re.findall(r"`make ([a-z0-9-]+)`", page)}
    assert named and all(re.search(rf"^{name}: ", makefile, re.MULTILINE) for name in named), named


def test_every_address_is_published_by_compose() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    published = set(re.findall(r"127\.0\.0\.1:\$\{\w+:-(\d+)\}", compose))
    named = {port for page in PAGES.values() for port in re.findall(r"http://127\.0\.0\.1:(\d+)", page)}
    assert named == published | {"9100"}  # where `verbatims sandbox` listens


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").rglob("*.svg")), ids=lambda path: path.name)
def test_the_picture_for_word_equals_the_one_of_the_pages(picture: Path) -> None:
    render = runpy.run_path(str(ROOT / "docs" / "render.py"))
    assert render["shown"](picture.with_suffix(".png").read_bytes()) == render["digest"](picture), (
        f"run: python docs/render.py {picture.relative_to(ROOT)}"
    )
