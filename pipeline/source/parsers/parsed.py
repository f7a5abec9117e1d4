"""The result of parsing a page, in any format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

Options = Mapping[str, str]
"""Options of a parser from `sources.toml`, such as selectors."""

NO_TEXT = "no text"
"""The problem of a review that has neither a text nor a rating. One with a rating alone is a review."""

NO_OPTIONS: Options = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ParsedReview:
    """A review as a page gives it."""

    text: str
    """Empty where only stars were given."""
    external_id: str | None
    """None if the page has none: the crawl then makes one from the content."""
    url: str | None
    rating: float | None
    """Out of five."""
    language: str | None
    written_at: str | None


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """The content of a page."""

    reviews: tuple[ParsedReview, ...]
    problems: tuple[str, ...]
    """A few words for each review or script that cannot be read."""
    next_url: str | None = None
    """Absolute, on any host."""
    left_over: tuple[str, ...] = ()
    """Names of fields that the parser does not read, sorted. A new name means that the layout has changed."""
    whole: bool = True
    """False if part of the page could not be read: reviews or the link to the next page may be missing."""
    instead: str = ""
    """For a page without reviews: a few words on its content, to help fix the parser or the selectors."""


def names(candidates: Iterable[str]) -> tuple[str, ...]:
    """The names that are safe to show, sorted. A page may use any text as a name, even a verbatim."""
    return tuple(sorted({name for name in candidates if re.fullmatch(r"@?[\w:.-]{1,40}", name, re.ASCII)}))[:50]
