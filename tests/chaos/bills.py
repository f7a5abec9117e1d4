"""What the sandbox has billed, and the most that it may have."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .plan import Plan
from .reviews import copies

ASKED_AGAIN = ("unreadable", "truncated")
"""Answers after which the same text is asked once more, at once."""


@dataclass(frozen=True)
class Bills:
    """The lines of the sandbox's file."""

    lines: list[dict[str, Any]]

    @classmethod
    def read(cls, file: Path) -> Bills:
        if not file.exists():
            return cls([])
        return cls([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])

    @property
    def questions(self) -> int:
        """Answers, without those to a second question."""
        answers = Counter(line["text_sha256"] for line in self.lines)
        broken = Counter(line["text_sha256"] for line in self.lines if line["outcome"] in ASKED_AGAIN)
        # each second question has a first one
        second = sum(min(broken[text], count // 2) for text, count in answers.items())
        return len(self.lines) - second


def most_questions(plan: Plan) -> int:
    """One per text and kind of request; copies of a text share one unless they were asked in another way."""
    return sum(min(count, plan.kinds) for count in copies(plan.reviews).values())
