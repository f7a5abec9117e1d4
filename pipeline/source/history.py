"""What is known from earlier crawls of a source, so that the next one asks only for what is new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from pipeline.records import PageSeen, Review, Visit


class CrawlHistory(Protocol):
    """Kept by the store. `definition` is a hash of a source and how it is described: described otherwise, it is another
    one."""

    def start_crawl(self, source: str, definition: str) -> bool:
        """A visit begins. Says whether the latest one to that source, described as now, came to its end, its run to
        its rows, and every verbatim to an outcome: only then nothing lies unread behind what is known."""

    def known(self, reviews: Sequence[Review]) -> Sequence[bool]:
        """Of each review of a page, prepared, whether the store holds this text of this verbatim."""

    def page(self, definition: str, url: str) -> PageSeen | None:
        """How a page was last seen."""

    def crawls(self, definition: str) -> Sequence[Visit]:
        """The last ten that came to their end, the latest first."""

    def finish_crawl(self, definition: str, visit: Visit, pages: Iterable[PageSeen]) -> None:
        """All that the visit read is in the store."""


class _Nothing:
    def start_crawl(self, source: str, definition: str) -> bool:
        return False

    def known(self, reviews: Sequence[Review]) -> Sequence[bool]:
        return [False] * len(reviews)

    def page(self, definition: str, url: str) -> PageSeen | None:
        return None

    def crawls(self, definition: str) -> Sequence[Visit]:
        return ()

    def finish_crawl(self, definition: str, visit: Visit, pages: Iterable[PageSeen]) -> None:
        return None


NO_HISTORY: CrawlHistory = _Nothing()
"""No history: nothing known, nothing recorded."""
