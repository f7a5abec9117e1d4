"""What reading one page comes to, whatever its format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

Options = Mapping[str, str]
"""What `sources.toml` says about how to read the pages of a source."""

NO_OPTIONS: Options = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ParsedReview:
    """A review as a page gives it."""

    text: str
    external_id: str | None
    """None where the page has none: the reader makes one from the content."""
    url: str | None
    rating: float | None
    """Out of five."""
    language: str | None
    written_at: str | None


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """What a page holds."""

    reviews: tuple[ParsedReview, ...]
    problems: tuple[str, ...]
    """One for each review or script that cannot be read, a few words each."""
    next_url: str | None = None
    """Absolute; of any host."""
    left_over: tuple[str, ...] = ()
    """Names of what the reviews give and nobody reads, sorted: a new name says that the layout has changed."""
    whole: bool = True
    """False where part of the page could not be read at all: reviews, or the way to the next page, may be missing."""
    instead: str = ""
    """For a page without reviews: in a few words what it holds instead, so that its reader can be mended."""


def names(found: Iterable[str]) -> tuple[str, ...]:
    """Those of a page's own names that may be shown, sorted: a page can put anything there, a verbatim too."""
    return tuple(sorted({name for name in found if re.fullmatch(r"@?[\w:.-]{1,40}", name, re.ASCII)}))[:50]
