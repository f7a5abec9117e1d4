"""A source on the web: pages of reviews, each followed by the next, read until one has no news."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline import __version__
from pipeline.errors import InputError, Stopped
from pipeline.records import BrokenRecord, PageSeen, Review, Visit
from pipeline.source.address import checked, host_of, shown
from pipeline.source.apart import Apart
from pipeline.source.changes import changes, fell
from pipeline.source.found import Options, Page
from pipeline.source.guest import Answer, Guest
from pipeline.source.harvest import Harvest
from pipeline.source.memory import NOTHING, Memory

MAX_PAGES = 1000
"""Of one address in one run: a calendar or a session number in the address can go on for ever."""

PAGE = "{page}"
"""In an address: its pages are numbered from 1."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source is and how it is read."""

    urls: Sequence[str]
    kind: str = "schema_org"
    """Of `apart.PARSERS`."""
    options: Options = field(default_factory=dict)
    """For the parser of that kind."""
    language: str | None = None
    """ISO 639-1, of reviews that do not say theirs."""
    delay_s: float = 0.5
    """Between two pages, unless robots.txt asks for more."""
    pages: int | None = None
    """At most, of each address; None is all, up to `MAX_PAGES`."""
    expected: int = 1
    """Fewer reviews than this are an error."""

    def definition(self, name: str) -> str:
        """A hash of what decides what is read: described otherwise, or by another version, more may be found."""
        described = [__version__, name, self.kind, *self.urls, dict(self.options), self.language]
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]


class Site:
    """The reviews of pages that follow each other by their links, or by number where the address says `{page}`."""

    def __init__(self, name: str, address: Address, guest: Guest) -> None:
        self.name = name
        self.guesses: list[str] = []
        self._address, self._guest = address, guest
        self._definition = address.definition(name)
        self._urls = [checked(url) for url in address.urls]
        self._walk: _Walk | None = None

    def reviews(self, memory: Memory = NOTHING) -> Iterator[Review | BrokenRecord]:
        """Positions run over all pages. Raises InputError where too little is found, Stopped where the site fails."""
        usual = memory.visits(self._definition)
        known = memory.begin(self.name, self._definition) and not fell(usual[0], usual[1:])
        harvest = Harvest(self.name, self._address.language, memory)
        with self._guest, Apart(self._address.kind, self._address.options) as parser:
            recall = _Recall(memory, self._definition, known)
            walk = self._walk = _Walk(self._address, self._guest, parser, harvest, recall)
            for url in self._urls:
                yield from walk.along(url)
        if walk.found < self._address.expected:
            raise InputError(self._too_few(walk))

    def finish(self, memory: Memory = NOTHING) -> list[str]:
        """Remember the visit; gives what is strange about it."""
        walk = self._walk
        assert walk is not None, "read first"
        usual = memory.visits(self._definition)
        layout = walk.harvest.layout() or ((usual[0].missing, usual[0].left_over) if usual else ((), ()))
        visit = Visit(len(walk.pages), walk.found, walk.harvest.fresh, *layout)
        memory.end(self._definition, visit, walk.pages.values())
        empty = [f"{walk.empty[0]} holds no review: {walk.instead}"] if walk.empty else []
        return [*empty, *changes(visit, usual)]

    def _too_few(self, walk: _Walk) -> str:
        where = ", ".join(map(shown, self._address.urls))
        instead = f" ({walk.instead})" if walk.instead and not walk.found else ""
        wanted = f", where {self._address.expected} are expected" if self._address.expected > 1 else ""
        return (
            f"{where}: {walk.found or 'no'} review(s) on {len(walk.pages)} page(s){instead}{wanted}; "
            "is this the address of the reviews, and has its layout changed?"
        )


@dataclass(frozen=True, slots=True)
class _Recall:
    """How pages were when the source was last read; nothing of it is `known` where that visit came to no end."""

    memory: Memory
    definition: str
    known: bool

    def page(self, url: str) -> PageSeen | None:
        return self.memory.page(self.definition, url) if self.known else None


class _Walk:
    """One way through a site, from page to page."""

    def __init__(self, address: Address, guest: Guest, parser: Apart, harvest: Harvest, recall: _Recall) -> None:
        self._address, self._guest, self._parser, self._recall = address, guest, parser, recall
        self.harvest = harvest
        self.pages: dict[str, PageSeen] = {}
        self._entered: set[str] = set()
        """Where redirects have led."""
        self._behind_news = 0
        """Reviews of pages that were not read again."""
        self.empty: list[str] = []
        """Pages that others lead to and that hold nothing, as they may be shown."""
        self.instead = ""

    @property
    def found(self) -> int:
        """Reviews that the source holds."""
        return sum(page.found for page in self.pages.values()) + self._behind_news

    def along(self, first: str) -> Iterator[Review | BrokenRecord]:
        """From one of the addresses to its last page, or to the first without news."""
        url = first.replace(PAGE, "1")
        if not self._guest.may_read(url):
            raise InputError(f"{shown(url)}: robots.txt forbids reading it; ask the site's owner")
        for number in range(1, (self._address.pages or MAX_PAGES) + 1):
            fresh = self.harvest.fresh
            seen, records = self._read(url, first, number)
            self.pages[url] = seen
            yield from records
            if self._recall.known and seen.found and self.harvest.fresh == fresh:
                self._behind_news += self._held_behind(seen.next_url)
                return
            onward, problem_ahead = self._onward(seen.next_url, url)
            if problem_ahead:
                yield self.harvest.broken(problem_ahead)
            if onward is None:
                return
            url = onward
        if self._address.pages is None:
            yield self.harvest.broken(f"there are more than {MAX_PAGES} pages; reading ends here")

    def _read(self, url: str, first: str, number: int) -> tuple[PageSeen, list[Review | BrokenRecord]]:
        """A page as it is now; nothing of one that is as it was, or that stands behind the last."""
        before, numbered = self._recall.page(url), PAGE in first
        answer = self._fetch(url, before)
        if answer.status == 304 and before:
            return before, []
        if answer.status == 404 and numbered and number > 1:
            return PageSeen(url, None, None, 0, None), []
        if answer.status != 200:
            raise self._failure(f"{shown(url)}: answers {answer.status}; check the address in a browser")
        page = self._parse(answer)
        records = self.harvest.take(page)
        found = sum(isinstance(record, Review) for record in records)
        self._note(page, url, found, numbered)
        # some sites give their last page for every number behind it
        ahead = first.replace(PAGE, str(number + 1)) if found else None
        return PageSeen(url, answer.etag, answer.last_modified, found, ahead if numbered else page.next_url), records

    def _note(self, page: Page, url: str, found: int, numbered: bool) -> None:
        self.instead = self.instead or page.instead
        if not (found or page.problems or numbered):
            self.empty.append(shown(url))

    def _fetch(self, url: str, before: PageSeen | None) -> Answer:
        etag, last_modified = (before.etag, before.last_modified) if before else (None, None)
        try:
            answer = self._guest.read(url, self._address.delay_s, etag, last_modified)
        except InputError as error:
            raise self._failure(str(error)) from error
        self._entered.add(answer.url)
        return answer

    def _parse(self, answer: Answer) -> Page:
        try:
            return self._parser.parse(answer.body, answer.url)
        except InputError as error:
            raise self._failure(str(error)) from error

    def _failure(self, message: str) -> InputError | Stopped:
        """On the first page the address is wrong; later, the site."""
        return Stopped(message) if self.found else InputError(message)

    def _onward(self, url: str | None, here: str) -> tuple[str | None, str | None]:
        """The next page to read, or why reading ends before the last one."""
        if url is None or url in self.pages or url in self._entered:
            return None, None
        if host_of(url) != host_of(here):
            return None, "the next page is on another host; reading ends here"
        if not self._guest.may_read(url):
            return None, "robots.txt forbids the next page; reading ends here"
        return url, None

    def _held_behind(self, url: str | None) -> int:
        """How many reviews the pages held that need not be read again, as they were last seen."""
        found, gone = 0, set(self.pages)
        while url and url not in gone and (seen := self._recall.page(url)):
            gone.add(url)
            found, url = found + seen.found, seen.next_url
        return found
