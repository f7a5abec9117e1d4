"""The words and numbers of a report in one language."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from pipeline.shipped_yaml import shipped_yaml

FILE = Path(__file__).parent / "words.yaml"


class Language(StrEnum):
    """ISO 639-1."""

    EN = "en"
    FR = "fr"


_BEFORE_SIGN = re.compile(" (?=[:;?!»])")
"""A line may not break before these signs of French."""

NARROW, UNBROKEN = "\u202f", "\u00a0"
"""Spaces that do not break: between thousands in French, and before a unit."""


@cache
def entries() -> dict[str, dict[str, str]]:
    """Name → language → text."""
    loaded: dict[str, dict[str, str]] = shipped_yaml(FILE)
    return loaded


class Words:
    """Says things in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, name: str, /, **filled: object) -> str:
        """The text of that name. Raises KeyError for an unknown one."""
        text = entries()[name][self.language].format(**filled)
        return _BEFORE_SIGN.sub(UNBROKEN, text) if self.language is Language.FR else text

    def known(self, prefix: str, value: str) -> str:
        """A value of a closed set as people say it; one without an entry stays as it is."""
        name = f"{prefix}{value}"
        return self(name) if name in entries() else value.replace("_", " ")

    def number(self, value: float, digits: int = 0) -> str:
        """With separated thousands."""
        text = f"{value:,.{digits}f}"
        if self.language is Language.FR:
            text = text.replace(",", NARROW).replace(".", ",")
        return text

    def counted(self, what: str, number: float) -> str:
        """So many of them, as the language counts: French has the singular for zero too."""
        one, several = self(f"counted_{what}", number=self.number(number)).split("|")
        return one if number == 1 or (number == 0 and self.language is Language.FR) else several

    def share(self, part: float, whole: float) -> str:
        """In percent; a dash where there is no whole."""
        if not whole:
            return "–"
        return f"{self.number(100 * part / whole, 1)}{UNBROKEN}%"

    def usd(self, value: float) -> str:
        """With four digits, since a verbatim costs hundredths of a cent."""
        amount = self.number(value, 4 if value < 100 else 2)
        return f"{amount}{UNBROKEN}$" if self.language is Language.FR else f"${amount}"

    def seconds(self, value: float) -> str:
        """With as many digits as tell two calls apart."""
        text = f"{value:.3f}".rstrip("0").rstrip(".")
        return f"{text.replace('.', ',') if self.language is Language.FR else text}{UNBROKEN}s"

    def span(self, seconds: float) -> str:
        """Of a picture's bins: to the minute from two minutes on."""
        return self.seconds(seconds) if seconds < 120 else f"{self.number(seconds / 60)}{UNBROKEN}min"

    def day(self, day: date) -> str:
        """In digits, in the order that the language is used to."""
        return f"{day:%d/%m/%Y}" if self.language is Language.FR else f"{day:%Y-%m-%d}"

    def instant(self, moment: datetime) -> str:
        """To the second."""
        return f"{self.day(moment)} {moment:%H:%M:%S}"
