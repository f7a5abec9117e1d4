"""The reviews that a crawl has read so far, each id once, and which fields its pages have."""

from __future__ import annotations

from pipeline.records import BrokenRecord, Review
from pipeline.source.history import CrawlHistory
from pipeline.source.parsers.parsed import ParsedPage, ParsedReview
from pipeline.source.source import Prepare
from pipeline.source.web.ids import ReviewIds

ENOUGH = 10
"""Reviews needed to conclude that a field is missing from the layout and not just from a few of them."""

_FIELDS = ("external_id", "url", "rating", "language", "written_at")


class CollectedReviews:
    """The reviews of one source. `language` applies to reviews that do not state theirs."""

    def __init__(self, source: str, language: str | None, history: CrawlHistory, prepare: Prepare) -> None:
        self._source, self._language, self._history, self._prepare = source, language, history, prepare
        self._ids = ReviewIds(source)
        self._taken: set[str] = set()
        """Ids of the reviews."""
        self._empty = 0
        self._position = 0
        self._present: set[str] = set()
        self._left_over: set[str] = set()
        self._fresh: set[str] = set()

    @property
    def found(self) -> int:
        """How many reviews with a text were read, each id once."""
        return len(self._taken) - self._empty

    @property
    def fresh(self) -> int:
        """How many of them were new to the store, or had a new text."""
        return len(self._fresh)

    def take(self, page: ParsedPage, url: str) -> tuple[list[Review | BrokenRecord], bool]:
        """Add the page at `url`. Returns its records, and whether any of its reviews is new since the last crawl."""
        self._left_over |= set(page.left_over)
        ids = self._ids.give(page.reviews, url)
        records = []
        for external_id, parsed in zip(ids, page.reviews, strict=True):
            # several pages may repeat a review
            if external_id not in self._taken:
                self._taken.add(external_id)
                records.append((external_id, self._record(external_id, parsed)))
        self._fresh |= self._unknown(records)
        broken = [self.broken(problem) for problem in page.problems]
        # ids of the whole page: a review that an earlier page of this crawl gave first is new on this one too
        return [record for _, record in records] + broken, not self._fresh.isdisjoint(ids)

    def broken(self, problem: str) -> BrokenRecord:
        """A record for something that cannot be read."""
        self._position += 1
        return BrokenRecord(self._position, problem)

    def layout(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Fields that no review had, and names of fields that are not read; None after too few reviews."""
        if self.found < ENOUGH:
            return None
        return tuple(sorted(set(_FIELDS) - self._present)), tuple(sorted(self._left_over))

    def _unknown(self, reviews: list[tuple[str, Review]]) -> set[str]:
        # one question per page: a transaction per review cost more than reading did
        known = self._history.known([review for _, review in reviews])
        return {id for (id, _), is_known in zip(reviews, known, strict=True) if not is_known}

    def _record(self, external_id: str, parsed: ParsedReview) -> Review:
        self._present |= {name for name in _FIELDS if getattr(parsed, name) is not None}
        self._position += 1
        self._empty += not parsed.text
        review = Review(
            self._source,
            external_id,
            parsed.text,
            self._position,
            parsed.url,
            parsed.rating,
            parsed.language or self._language,
            parsed.written_at,
        )
        return self._prepare(review)
