"""A figure: a table of numbers, with a picture of them where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table, if it is more than a text."""

    text: str
    href: str | None = None
    code: bool = False
    """Whether it is to be typed or compared: a command, a query, an id."""
    quotes: Sequence[str] = ()
    """Words of verbatims, instead of the text."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the page."""

    id: str
    title: str
    said: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    empty: str = ""
    """What to say where there are no rows."""
    chart: Mapping[str, Any] | None = None
    numbers: frozenset[int] = frozenset()
    """Columns of numbers, which are set to the right."""
    coded: bool = False
    """Whether `…` in the texts of its cells marks what is to be typed; never where a cell has foreign words."""
    row_ids: Sequence[str] = ()
    """Of rows that something links to."""
