"""The description of a source on the web: addresses, parser, limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline import __version__
from pipeline.source.parsers.parsed import Options

PAGE = "{page}"
"""Placeholder in an address for the number of the page, from 1."""


@dataclass(frozen=True, slots=True)
class Description:
    """The settings of one source."""

    urls: Sequence[str]
    kind: str = "schema_org"
    """A key of `process.PARSERS`."""
    options: Options = field(default_factory=dict)
    """Options of the parser."""
    language: str | None = None
    """ISO 639-1, for reviews that do not state theirs."""
    delay_s: float = 0.5
    """Between two requests, unless robots.txt asks for more."""
    pages: int | None = None
    """Maximum per address; None for all."""
    expected: int = 1
    """Fewer reviews than this are an error."""

    def definition(self, name: str) -> str:
        """A hash of all that decides which reviews are found, the version of the parsers included.

        A change starts a new history, since pages already read may now give more.
        """
        described = [__version__, name, self.kind, *self.urls, dict(self.options), self.language, self.pages]
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
