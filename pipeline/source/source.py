"""The seam: what every kind of source does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pipeline.records import BrokenRecord, Review
from pipeline.source.history import NO_HISTORY, CrawlHistory


class Source(Protocol):
    """Read by the scrape stage. Constructors raise InputError and send nothing."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def guesses(self) -> list[str]:
        """What was assumed, in sentences to print before anything is read."""

    def reviews(self, memory: CrawlHistory = NO_HISTORY) -> Iterator[Review | BrokenRecord]:
        """In the order of the source.

        Raises InputError where too little is found, TransientError where it fails on the way.
        A source that can be asked for what is new gives that alone, as far as the memory reaches.
        """

    def finish(self, memory: CrawlHistory = NO_HISTORY) -> list[str]:
        """All that was read is stored: remember it, if it was read to its end. Gives what was strange about it."""
