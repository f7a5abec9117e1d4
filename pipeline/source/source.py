"""The interface of every kind of source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pipeline.records import BrokenRecord, Review
from pipeline.source.history import NO_HISTORY, CrawlHistory

Prepare = Callable[[Review], Review]
"""Repairs and masks a review. Called once per review, before it is stored or compared with stored ones."""


def unchanged(review: Review) -> Review:
    """The review as the source gives it: no preparation."""
    return review


class Source(Protocol):
    """Read by the scrape stage. Constructors raise InputError and send no request."""

    @property
    def name(self) -> str:
        """The name for messages."""

    @property
    def guesses(self) -> list[str]:
        """Assumptions, such as guessed columns, as sentences to print before anything is read."""

    def reviews(
        self, history: CrawlHistory = NO_HISTORY, prepare: Prepare = unchanged
    ) -> Iterator[Review | BrokenRecord]:
        """The records in the order of the source, each review passed through `prepare`.

        A web source gives only the pages that may hold something new, according to the history.
        Raises InputError if too few reviews are found, TransientError if reading fails midway.
        """

    def again(self, prepare: Prepare = unchanged) -> Iterator[Review | BrokenRecord]:
        """Those of its records that can be read twice, which costs no request: a file's. None of a site."""

    def finish(self, history: CrawlHistory = NO_HISTORY) -> list[str]:
        """Record in the history that the source was read completely. Returns warnings.

        Called once everything that was read is stored.
        """
