"""One way through a site: from page to page, to the last or to the first without news."""

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
"""Of one address in one run: a calendar or a session number in the address can go on for ever."""

_NOTHING_THERE = (400, 404, 410)
"""What sites answer behind their last number; Apple's says 400."""


@dataclass(frozen=True, slots=True)
class PreviousPages:
    """How pages were when the source was last read; nothing of it is `known` where that visit came to no end."""

    history: CrawlHistory
    definition: str
    known: bool

    def page(self, url: str) -> PageSeen | None:
        return self.history.page(self.definition, url) if self.known else None


@dataclass(frozen=True, slots=True)
class PageResult:
    """What one page came to."""

    found: int
    next_url: str | None
    records: Sequence[Review | BrokenRecord] = ()
    news: bool = False
    reviews: tuple[ParsedReview, ...] = ()
    empty: bool = False
    """It holds nothing, not even anything broken."""


class Crawler:
    """Through all addresses of a description."""

    def __init__(
        self,
        description: Description,
        fetcher: Fetcher,
        parser: ParserProcess,
        collected: CollectedReviews,
        recall: PreviousPages,
    ) -> None:
        self._description, self._fetcher, self._parser, self._recall = description, fetcher, parser, recall
        self.collected = collected
        self.pages: dict[str, PageSeen] = {}
        self._entered: set[str] = set()
        """Where redirects have led."""
        self._as_it_was = 0
        """Reviews of pages that were not sent again."""
        self.stopped_early = False
        """There was no news, and what stands behind it was not looked at."""
        self.whole = True
        """False where something stood between here and the last page: the next visit has to read everything."""
        self.warnings: list[str] = []
        """What is strange about pages by themselves, a sentence each."""
        self.instead = ""
        """What the first page without reviews holds."""

    @property
    def found(self) -> int:
        """Reviews of the pages that were looked at."""
        return self.collected.found + self._as_it_was

    def crawl(self, first: str) -> Iterator[Review | BrokenRecord]:
        """The records behind one address.

        Raises InputError where it is wrong, TransientError where the site fails later.
        """
        url, before = first.replace(PAGE, "1"), None
        if not self._fetcher.may_read(url):
            raise InputError(f"{shown(url)}: robots.txt forbids reading it; ask the site's owner")
        for number in range(1, (self._description.pages or MAX_PAGES) + 1):
            if url in self.pages or url in self._entered:
                return
            seen = self._recall.page(url)
            look = self._look(url, seen, behind=PAGE in first and number > 1)
            yield from look.records
            if self._is_enough(look, seen, PAGE in first) or self._is_last(look, before, PAGE in first):
                return
            onward = first.replace(PAGE, str(number + 1)) if PAGE in first else look.next_url
            if onward is None:
                return
            if problem := self._obstacle(onward, url):
                self.whole = False
                yield self.collected.broken(problem)
                return
            url, before = onward, look
        if self._description.pages is None:
            self.whole = False
            yield self.collected.broken(f"there are more than {MAX_PAGES} pages; reading ends here")

    def _is_enough(self, look: PageResult, seen: PageSeen | None, numbered: bool) -> bool:
        """Whether a page without news says that none stands behind it: not where it has shrunk."""
        onward = numbered or look.next_url is not None
        enough = self._recall.known and look.found > 0 and not look.news and look.found >= (seen.found if seen else 0)
        self.stopped_early |= enough and onward
        return enough and onward

    def _is_last(self, look: PageResult, before: PageResult | None, numbered: bool) -> bool:
        """Of numbered pages the last one stands before two without a review, or comes again under every number."""
        if not numbered or before is None:
            return False
        if before.empty and not look.empty:
            self.whole = False  # what stood there for a moment is not what else stands there
        return (look.empty and before.empty) or (bool(look.reviews) and look.reviews == before.reviews)

    def _look(self, url: str, seen: PageSeen | None, *, behind: bool) -> PageResult:
        """A page as it is now; `behind`: it may stand behind the last one."""
        answer = self._fetch(url, seen)
        if answer.status == 304 and seen:
            self.pages[url] = seen
            self._as_it_was += seen.found
            return PageResult(seen.found, seen.next_url)
        if behind and answer.status in _NOTHING_THERE:
            self.pages[url] = PageSeen(url, None, None, 0, None)
            return PageResult(0, None, empty=True)
        if answer.status != 200:
            raise self._failure(f"{shown(url)}: answers {answer.status}; check the address in a browser")
        page = self._parse(answer)
        self._judge(page, url, behind)
        self.pages[url] = PageSeen(url, answer.etag, answer.last_modified, len(page.reviews), page.next_url)
        records, news = self.collected.take(page)
        return PageResult(
            len(page.reviews), page.next_url, records, news, page.reviews, not (page.reviews or page.problems)
        )

    def _judge(self, page: ParsedPage, url: str, behind: bool) -> None:
        self.instead = self.instead or page.instead
        self.whole &= page.whole
        if not (page.reviews or page.problems or behind):
            self.whole = False
            self.warnings.append(f"{shown(url)} holds no review: {page.instead}")

    def _fetch(self, url: str, seen: PageSeen | None) -> HttpResponse:
        etag, last_modified = (seen.etag, seen.last_modified) if seen else (None, None)
        try:
            answer = self._fetcher.read(url, self._description.delay_s, etag, last_modified)
        except InputError as error:
            raise self._failure(str(error)) from error
        if answer.url != url:
            self._entered.add(answer.url)
        return answer

    def _parse(self, answer: HttpResponse) -> ParsedPage:
        try:
            return self._parser.parse(answer.body, answer.url)
        except InputError as error:
            raise self._failure(str(error)) from error

    def _failure(self, message: str) -> InputError | TransientError:
        """On the first page the address is wrong; later, the site."""
        return TransientError(message) if self.found else InputError(message)

    def _obstacle(self, url: str, here: str) -> str | None:
        """Why reading ends before the last page, if it does."""
        if host_of(url) != host_of(here):
            return "the next page is on another host; reading ends here"
        if not self._fetcher.may_read(url):
            return "robots.txt forbids the next page; reading ends here"
        return None
