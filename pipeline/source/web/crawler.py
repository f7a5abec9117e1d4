"""Crawls a site page by page, up to the last page or to the first one without new reviews."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.errors import InputError, TransientError
from pipeline.records import BrokenRecord, PageSeen, Review
from pipeline.source.address import host_of, shown
from pipeline.source.history import CrawlHistory
from pipeline.source.parsers.parsed import ParsedPage, ParsedReview
from pipeline.source.parsers.process import ParserProcess
from pipeline.source.web.collected import CollectedReviews
from pipeline.source.web.description import PAGE, Description
from pipeline.source.web.fetcher import Fetcher, HttpResponse

MAX_PAGES = 1000
"""Pages per address and run: a calendar or a session number in the links makes them endless."""

_PAST_LAST_PAGE = (400, 404, 410)
"""Statuses of a page number that does not exist; Apple's feed answers 400."""


@dataclass(frozen=True, slots=True)
class PreviousPages:
    """Pages as the last crawl saw them."""

    history: CrawlHistory
    definition: str
    known: bool
    """False where the last crawl was not finished: then every page is read again."""

    def page(self, url: str) -> PageSeen | None:
        return self.history.page(self.definition, url) if self.known else None


@dataclass(frozen=True, slots=True)
class PageResult:
    """What reading one page gave."""

    found: int
    next_url: str | None
    records: Sequence[Review | BrokenRecord] = ()
    news: bool = False
    """Whether it holds a review that is new since the last crawl."""
    reviews: tuple[ParsedReview, ...] = ()
    empty: bool = False
    """Neither reviews nor broken records."""


class Crawler:
    """Crawls all addresses of a description, one after the other."""

    def __init__(
        self,
        description: Description,
        fetcher: Fetcher,
        parser: ParserProcess,
        collected: CollectedReviews,
        previous_pages: PreviousPages,
    ) -> None:
        self._description, self._fetcher, self._parser = description, fetcher, parser
        self._previous_pages = previous_pages
        self.collected = collected
        self.pages: dict[str, PageSeen] = {}
        self._redirect_targets: set[str] = set()
        self._unchanged_reviews = 0
        """Reviews on pages that the server answered with 304."""
        self.stopped_early = False
        """The crawl ended at a page without new reviews; the pages after it were not requested."""
        self.whole = True
        """False where a page could not be read completely or not be reached: the next crawl reads everything."""
        self.warnings: list[str] = []
        """A sentence for each page without reviews that should hold some."""
        self.instead = ""
        """What the first page without reviews holds."""

    @property
    def found(self) -> int:
        """Reviews on all requested pages."""
        return self.collected.found + self._unchanged_reviews

    def crawl(self, first: str) -> Iterator[Review | BrokenRecord]:
        """The records of one address and the pages after it.

        Raises InputError where the address is wrong, TransientError where the site fails later.
        """
        numbered = PAGE in first
        url, previous = first.replace(PAGE, "1"), None
        if not self._fetcher.may_read(url):
            raise InputError(f"{shown(url)}: robots.txt forbids reading it; ask the site's owner")
        for number in range(1, (self._description.pages or MAX_PAGES) + 1):
            if url in self.pages or url in self._redirect_targets:
                return  # addresses of one source may overlap, and links may form a loop
            seen = self._previous_pages.page(url)
            result = self._read_page(url, seen, may_be_past_last=numbered and number > 1)
            yield from result.records
            if self._is_up_to_date(result, seen, numbered) or (numbered and self._is_last(result, previous)):
                return
            next_url = first.replace(PAGE, str(number + 1)) if numbered else result.next_url
            if next_url is None:
                return
            if problem := self._obstacle(next_url, url):
                self.whole = False
                yield self.collected.broken(problem)
                return
            url, previous = next_url, result
        if self._description.pages is None:
            self.whole = False
            yield self.collected.broken(f"there are more than {MAX_PAGES} pages; reading ends here")

    def _is_up_to_date(self, result: PageResult, seen: PageSeen | None, numbered: bool) -> bool:
        """Whether a page without new reviews proves that the pages after it have none either."""
        if not (self._previous_pages.known and result.found > 0 and not result.news):
            return False
        # a page that has shrunk has lost reviews, so its content says nothing about the pages after it
        if seen and result.found < seen.found:
            return False
        has_next = numbered or result.next_url is not None
        self.stopped_early |= has_next
        return has_next

    def _is_last(self, result: PageResult, previous: PageResult | None) -> bool:
        """Whether a numbered page is past the last one: the second empty page, or a repetition of the page before.

        One empty page is not enough: it may be down for a moment. Some sites repeat the last page for any number.
        """
        if previous is None:
            return False
        if previous.empty and not result.empty:
            self.whole = False  # the empty page before was an outage, and its reviews are missing
        return (result.empty and previous.empty) or (bool(result.reviews) and result.reviews == previous.reviews)

    def _read_page(self, url: str, seen: PageSeen | None, *, may_be_past_last: bool) -> PageResult:
        """Fetch and parse a page. `may_be_past_last` allows it to be missing or empty."""
        response = self._fetch(url, seen)
        if response.status == 304 and seen:
            self.pages[url] = seen
            self._unchanged_reviews += seen.found
            return PageResult(seen.found, seen.next_url)
        if may_be_past_last and response.status in _PAST_LAST_PAGE:
            self.pages[url] = PageSeen(url, None, None, 0, None)
            return PageResult(0, None, empty=True)
        if response.status != 200:
            raise self._failure(f"{shown(url)}: answers {response.status}; check the address in a browser")
        page = self._parse(response)
        self._check_content(page, url, may_be_past_last)
        self.pages[url] = PageSeen(url, response.etag, response.last_modified, len(page.reviews), page.next_url)
        records, news = self.collected.take(page, response.url)
        return PageResult(
            len(page.reviews), page.next_url, records, news, page.reviews, not (page.reviews or page.problems)
        )

    def _check_content(self, page: ParsedPage, url: str, may_be_past_last: bool) -> None:
        self.instead = self.instead or page.instead
        self.whole &= page.whole
        if not (page.reviews or page.problems or may_be_past_last):
            self.whole = False
            self.warnings.append(f"{shown(url)} holds no review: {page.instead}")

    def _fetch(self, url: str, seen: PageSeen | None) -> HttpResponse:
        etag, last_modified = (seen.etag, seen.last_modified) if seen else (None, None)
        try:
            response = self._fetcher.fetch(url, self._description.delay_s, etag, last_modified)
        except InputError as error:
            raise self._failure(str(error)) from error
        if response.url != url:
            self._redirect_targets.add(response.url)
        return response

    def _parse(self, response: HttpResponse) -> ParsedPage:
        try:
            return self._parser.parse(response.body, response.url)
        except InputError as error:
            raise self._failure(str(error)) from error

    def _failure(self, message: str) -> InputError | TransientError:
        """Before any review the address is wrong; after that, the site has failed and a retry may help."""
        return TransientError(message) if self.found else InputError(message)

    def _obstacle(self, next_url: str, url: str) -> str | None:
        """Why the next page may not be read, or None."""
        if host_of(next_url) != host_of(url):
            return "the next page is on another host; reading ends here"
        if not self._fetcher.may_read(next_url):
            return "robots.txt forbids the next page; reading ends here"
        return None
