"""A published prompt does not change: rows refer to its version, and answers are stored under its text."""

from hashlib import sha256
from pathlib import Path

from pipeline.analyse import prompt as analyser

FOLDER = Path(analyser.__file__).parent / "prompts"
PUBLISHED = {"analyse_v1": "cf96f88f31cf1d3f"}
"""Version → the first digits of its file's SHA-256."""


def test_no_published_prompt_has_changed() -> None:
    found = {file.stem: sha256(file.read_bytes()).hexdigest()[:16] for file in FOLDER.glob("*.md")}
    assert found == PUBLISHED, (
        "a changed prompt is a new file: give the old one its text back, put yours beside it with the next number, "
        "name it in pipeline/analyse/analyser.py (VERSION), and add its hash here"
    )


def test_the_prompt_in_use_is_a_published_one() -> None:
    assert analyser.VERSION in PUBLISHED
