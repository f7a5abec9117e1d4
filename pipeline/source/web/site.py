"""A source on the web: crawls its pages, and records each finished crawl for the next one."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import InputError
from pipeline.records import BrokenRecord, FinishedCrawl, Review
from pipeline.source.address import checked, shown
from pipeline.source.history import NO_HISTORY, CrawlHistory
from pipeline.source.parsers.process import ParserProcess
from pipeline.source.source import Prepare, unchanged
from pipeline.source.web.changes import changes, dropped_by_half
from pipeline.source.web.collected import CollectedReviews
from pipeline.source.web.crawler import Crawler, PreviousPages
from pipeline.source.web.description import Description
from pipeline.source.web.fetcher import Fetcher


class Site:
    """Reviews on pages connected by links to the next page, or by number where the address contains `{page}`."""

    def __init__(self, name: str, description: Description, fetcher: Fetcher) -> None:
        self.name = name
        self.guesses: list[str] = []
        self._description, self._fetcher = description, fetcher
        self._definition = description.definition(name)
        self._urls = [checked(url) for url in description.urls]
        self._crawled: Crawler | None = None

    def reviews(
        self, history: CrawlHistory = NO_HISTORY, prepare: Prepare = unchanged
    ) -> Iterator[Review | BrokenRecord]:
        """Positions run over all pages.

        Raises InputError where too little is found, TransientError where the site fails.
        """
        self._crawled = None
        earlier = history.crawls(self._definition)
        # after a drop the pages are not trusted to prove that nothing new follows: everything is read again
        known = history.start_crawl(self.name, self._definition) and not dropped_by_half(earlier[0], earlier[1:])
        collected = CollectedReviews(self.name, self._description.language, history, prepare)
        with self._fetcher, ParserProcess(self._description.kind, self._description.options) as parser:
            crawler = Crawler(
                self._description, self._fetcher, parser, collected, PreviousPages(history, self._definition, known)
            )
            for url in self._urls:
                yield from crawler.crawl(url)
        found = self._found(crawler, history)
        if found < self._description.expected:
            raise InputError(self._too_few(crawler, found))
        self._crawled = crawler

    def again(self, prepare: Prepare = unchanged) -> Iterator[Review | BrokenRecord]:
        """See `Source.again`."""
        return iter(())

    def finish(self, history: CrawlHistory = NO_HISTORY) -> list[str]:
        """Record the crawl if it is complete. Returns a warning for each change since earlier crawls."""
        crawler = self._crawled
        if crawler is None:
            return []
        earlier = history.crawls(self._definition)
        # a crawl that read too few reviews to judge the layout keeps that of the crawl before
        layout = crawler.collected.layout() or ((earlier[0].missing, earlier[0].left_over) if earlier else ((), ()))
        crawl = FinishedCrawl(len(crawler.pages), self._found(crawler, history), crawler.collected.fresh, *layout)
        if crawler.whole:
            history.finish_crawl(self._definition, crawl, crawler.pages.values())
        return [*crawler.warnings, *changes(crawl, earlier)]

    def _found(self, crawler: Crawler, history: CrawlHistory) -> int:
        """How many reviews the source holds. Pages that an early stop left out count as in the last crawl."""
        earlier = history.crawls(self._definition) if crawler.stopped_early else ()
        return max([crawler.found, *(crawl.found for crawl in earlier[:1])])

    def _too_few(self, crawler: Crawler, found: int) -> str:
        where = ", ".join(map(shown, self._description.urls))
        instead = f" ({crawler.instead})" if crawler.instead and not found else ""
        wanted = f", where {self._description.expected} are expected" if self._description.expected > 1 else ""
        return (
            f"{where}: {found or 'no'} review(s) on {len(crawler.pages)} page(s){instead}{wanted}; "
            "is this the address of the reviews, and has its layout changed?"
        )
