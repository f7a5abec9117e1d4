"""What earlier crawls of a source have seen, so that the next one requests only what is new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from pipeline.records import FinishedCrawl, PageSeen, Review


class CrawlHistory(Protocol):
    """Kept by the store, called while a source is read.

    `definition` is a hash of a source and of how it is described: a changed description starts a new history.
    """

    def start_crawl(self, source: str, definition: str) -> bool:
        """Record that a crawl begins. Returns whether it may skip what earlier crawls have read.

        True where the latest crawl under this definition was finished, its run was finished, and every verbatim of
        the source has an outcome: only then is nothing left unread behind a page without new reviews.
        """

    def known(self, reviews: Sequence[Review]) -> Sequence[bool]:
        """For each prepared review of a page, whether the store holds this verbatim with this text."""

    def page(self, definition: str, url: str) -> PageSeen | None:
        """A page as it was last seen, or None."""

    def crawls(self, definition: str) -> Sequence[FinishedCrawl]:
        """The last ten finished crawls, the latest first."""

    def finish_crawl(self, definition: str, crawl: FinishedCrawl, pages: Iterable[PageSeen]) -> None:
        """Record a finished crawl. Called once everything that it read is stored."""


class _NoHistory:
    def start_crawl(self, source: str, definition: str) -> bool:
        return False

    def known(self, reviews: Sequence[Review]) -> Sequence[bool]:
        return [False] * len(reviews)

    def page(self, definition: str, url: str) -> PageSeen | None:
        return None

    def crawls(self, definition: str) -> Sequence[FinishedCrawl]:
        return ()

    def finish_crawl(self, definition: str, crawl: FinishedCrawl, pages: Iterable[PageSeen]) -> None:
        return None


NO_HISTORY: CrawlHistory = _NoHistory()
"""No history: nothing known, nothing recorded."""
