"""The seam: what every kind of source does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pipeline.records import BrokenRecord, Review
from pipeline.source.history import NO_HISTORY, CrawlHistory

Prepare = Callable[[Review], Review]
"""What a review goes through, once, before anybody keeps it or compares it with what is kept."""


def unchanged(review: Review) -> Review:
    """The review as the source gives it."""
    return review


class Source(Protocol):
    """Read by the scrape stage. Constructors raise InputError and send nothing."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def guesses(self) -> list[str]:
        """What was assumed, in sentences to print before anything is read."""

    def reviews(
        self, history: CrawlHistory = NO_HISTORY, prepare: Prepare = unchanged
    ) -> Iterator[Review | BrokenRecord]:
        """In the order of the source, each as `prepare` makes it.

        Raises InputError where too little is found, TransientError where it fails on the way.
        A source that can be asked for what is new gives that alone, as far as the history reaches.
        """

    def finish(self, history: CrawlHistory = NO_HISTORY) -> list[str]:
        """All that was read is stored: remember it, if it was read to its end. Gives what was strange about it."""
