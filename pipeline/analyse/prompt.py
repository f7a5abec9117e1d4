"""The instructions that Claude reads before each verbatim: those that ship, or a file of the user's own."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SettingsError

VERSION = "analyse_v1"
"""Of the prompt that ships; stored with every answer. A changed prompt is a new file and a new version."""

TOPICS = "{topics}"
"""Where the reference base stands in a prompt."""

MOST_CHARACTERS = 50_000
"""Each call pays for them: some 12,000 tokens."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Instructions with a place for the topics."""

    version: str
    template: str

    def with_topics(self, listed: str) -> str:
        """The whole text; `listed` has a line per topic."""
        return self.template.replace(TOPICS, listed)


def load_prompt(path: Path | None) -> Prompt:
    """None is the prompt that ships. The version of another one is its name with a hash of its words.

    Raises SettingsError, one line that names the file.
    """
    if path is None:
        shipped = Path(__file__).parent / "prompts" / f"{VERSION}.md"
        return Prompt(VERSION, shipped.read_text(encoding="utf-8"))
    try:
        template = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"VERBATIMS_PROMPT: {path} cannot be read ({type(error).__name__})") from None
    if template.count(TOPICS) != 1:
        raise SettingsError(
            f"VERBATIMS_PROMPT: {path} must hold {TOPICS} once, on a line of its own: the list of topics goes there"
        )
    if len(template) > MOST_CHARACTERS:
        raise SettingsError(f"VERBATIMS_PROMPT: {path} has more than {MOST_CHARACTERS:,} characters, paid in each call")
    return Prompt(f"{_word(path.stem)}-{hashlib.sha256(template.encode()).hexdigest()[:8]}", template)


def _word(stem: str) -> str:
    """A file's name as a part of a version."""
    return re.sub(r"[^a-z0-9_]+", "_", stem.lower()).strip("_")[:40] or "prompt"
