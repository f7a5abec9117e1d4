"""The reference base of topics: a YAML file that a user edits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import SettingsError
from pipeline.records import Topic
from pipeline.shipped_yaml import shipped_yaml

SHIPPED = Path(__file__).parent / "topics.yaml"

ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Ids are values in rows and charts: short, and the same in every language."""

MOST = 200
"""Ids travel with each request as a closed list; beyond some hundreds the list costs more than the verbatim."""


MOST_CHARACTERS = 500
"""Of a topic's name and definition in one language: they travel with each request too."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves a cursor, or turns the direction of a line."""


def fault_of(text: str) -> str | None:
    """What is wrong with a topic's name and definition; None where it can be used."""
    if not text.strip():
        return "is empty"
    if len(text) > MOST_CHARACTERS:
        return f"has {len(text)} characters; at most {MOST_CHARACTERS} travel with each request"
    return "holds control characters" if _CONTROL.search(text) else None


def load_topics(path: Path | None) -> tuple[Topic, ...]:
    """The topics in file order; None is the base that ships.

    Raises SettingsError, one line that names the file and the entry.
    """
    if path is None:
        return _topics(SHIPPED, shipped_yaml(SHIPPED))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"VERBATIMS_TOPICS: {path} cannot be read ({type(error).__name__})") from None
    except RecursionError:
        raise SettingsError(f"VERBATIMS_TOPICS: {path} is nested too deeply; it needs a list `topics`") from None
    except Exception as error:  # PyYAML lets through whatever it meets: IndexError for an empty `!!int`
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "somewhere"
        raise SettingsError(f"VERBATIMS_TOPICS: {path} is not YAML ({where})") from None
    return _topics(path, content)


def _topics(path: Path, content: Any) -> tuple[Topic, ...]:
    entries = content.get("topics") if isinstance(content, Mapping) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST:
        raise SettingsError(f"VERBATIMS_TOPICS: {path} needs a list `topics` with 1 to {MOST} entries")
    topics = tuple(_topic(path, number, entry) for number, entry in enumerate(entries, start=1))
    _refuse_twice(path, topics)
    return topics


def _topic(path: Path, number: int, entry: Any) -> Topic:
    if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key), str) for key in ("id", "fr", "en")):
        raise SettingsError(f"VERBATIMS_TOPICS: {path}, entry {number}: needs texts `id`, `fr` and `en`")
    if not ID.fullmatch(entry["id"]):
        raise SettingsError(f"VERBATIMS_TOPICS: {path}, entry {number}: id must be lower case letters, digits and _")
    for language in ("fr", "en"):
        if fault := fault_of(entry[language]):
            raise SettingsError(f"VERBATIMS_TOPICS: {path}, entry {number}: {language} {fault}")
    return Topic(entry["id"], entry["fr"], entry["en"])


def _refuse_twice(path: Path, topics: tuple[Topic, ...]) -> None:
    seen: set[str] = set()
    for topic in topics:
        if topic.id in seen:
            raise SettingsError(f"VERBATIMS_TOPICS: {path}: id {topic.id} stands there twice")
        seen.add(topic.id)
