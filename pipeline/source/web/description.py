"""How a source on the web is described: where it is, how it is read, what is expected of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline import __version__
from pipeline.source.parsers.parsed import Options

PAGE = "{page}"
"""In an address: its pages are numbered from 1."""


@dataclass(frozen=True, slots=True)
class Description:
    """Of one source."""

    urls: Sequence[str]
    kind: str = "schema_org"
    """Of `process.PARSERS`."""
    options: Options = field(default_factory=dict)
    """For the parser of that kind."""
    language: str | None = None
    """ISO 639-1, of reviews that do not say theirs."""
    delay_s: float = 0.5
    """Between two pages, unless robots.txt asks for more."""
    pages: int | None = None
    """At most, of each address; None is all."""
    expected: int = 1
    """Fewer reviews than this are an error."""

    def definition(self, name: str) -> str:
        """A hash of what decides what is read: described otherwise, or by another version, more may be found."""
        described = [__version__, name, self.kind, *self.urls, dict(self.options), self.language, self.pages]
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
