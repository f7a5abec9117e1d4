"""A source on the web: what its pages hold, and what a visit says of it to the next one."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import InputError
from pipeline.records import BrokenRecord, Review, Visit
from pipeline.source.address import checked, shown
from pipeline.source.history import NO_HISTORY, CrawlHistory
from pipeline.source.parsers.process import ParserProcess
from pipeline.source.web.changes import changes, dropped_by_half
from pipeline.source.web.collected import CollectedReviews
from pipeline.source.web.crawler import Crawler, PreviousPages
from pipeline.source.web.description import Description
from pipeline.source.web.fetcher import Fetcher


class Site:
    """The reviews of pages that follow each other by their links, or by number where the address says `{page}`."""

    def __init__(self, name: str, description: Description, guest: Fetcher) -> None:
        self.name = name
        self.guesses: list[str] = []
        self._description, self._guest = description, guest
        self._definition = description.definition(name)
        self._urls = [checked(url) for url in description.urls]
        self._walked: Crawler | None = None

    def reviews(self, memory: CrawlHistory = NO_HISTORY) -> Iterator[Review | BrokenRecord]:
        """Positions run over all pages.

        Raises InputError where too little is found, TransientError where the site fails.
        """
        self._walked = None
        usual = memory.visits(self._definition)
        known = memory.begin(self.name, self._definition) and not dropped_by_half(usual[0], usual[1:])
        harvest = CollectedReviews(self.name, self._description.language, memory)
        with self._guest, ParserProcess(self._description.kind, self._description.options) as parser:
            walk = Crawler(
                self._description, self._guest, parser, harvest, PreviousPages(memory, self._definition, known)
            )
            for url in self._urls:
                yield from walk.along(url)
        found = self._found(walk, memory)
        if found < self._description.expected:
            raise InputError(self._too_few(walk, found))
        self._walked = walk

    def finish(self, memory: CrawlHistory = NO_HISTORY) -> list[str]:
        """Remember the visit, where it came to its end; gives what is strange about it."""
        walk = self._walked
        if walk is None:
            return []
        usual = memory.visits(self._definition)
        layout = walk.harvest.layout() or ((usual[0].missing, usual[0].left_over) if usual else ((), ()))
        visit = Visit(len(walk.pages), self._found(walk, memory), walk.harvest.fresh, *layout)
        if walk.whole:
            memory.end(self._definition, visit, walk.pages.values())
        return [*walk.oddities, *changes(visit, usual)]

    def _found(self, walk: Crawler, memory: CrawlHistory) -> int:
        """How many reviews the source holds: behind a page without news, as many as it did."""
        usual = memory.visits(self._definition) if walk.stopped_early else ()
        return max([walk.found, *(visit.found for visit in usual[:1])])

    def _too_few(self, walk: Crawler, found: int) -> str:
        where = ", ".join(map(shown, self._description.urls))
        instead = f" ({walk.instead})" if walk.instead and not found else ""
        wanted = f", where {self._description.expected} are expected" if self._description.expected > 1 else ""
        return (
            f"{where}: {found or 'no'} review(s) on {len(walk.pages)} page(s){instead}{wanted}; "
            "is this the address of the reviews, and has its layout changed?"
        )
