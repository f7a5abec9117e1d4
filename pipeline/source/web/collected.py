"""What a visit to a site has read so far: reviews in order, each id once, and what they show of the site's layout."""

from __future__ import annotations

import hashlib

from pipeline.records import BrokenRecord, Review
from pipeline.source.fields import ContentIds
from pipeline.source.history import CrawlHistory
from pipeline.source.parsers.parsed import ParsedPage, ParsedReview
from pipeline.source.source import Prepare

ENOUGH = 10
"""Reviews that must have been read before one can say that a field is missing from all of them."""

_FIELDS = ("external_id", "url", "rating", "language", "written_at")


class CollectedReviews:
    """Of one source. `language` is that of reviews that do not say theirs."""

    def __init__(self, source: str, language: str | None, history: CrawlHistory, prepare: Prepare) -> None:
        self._source, self._language, self._history, self._prepare = source, language, history, prepare
        self._texts: dict[str, bytes] = {}
        self._content_ids = ContentIds()
        self._position = 0
        self._present: set[str] = set()
        self._left_over: set[str] = set()
        self._fresh: set[str] = set()

    @property
    def found(self) -> int:
        """Reviews read, each id once."""
        return len(self._texts)

    @property
    def fresh(self) -> int:
        """Of them, those that the store did not hold like this before the visit."""
        return len(self._fresh)

    def take(self, page: ParsedPage) -> tuple[list[Review | BrokenRecord], bool]:
        """The records of a page, and whether any review of it is news of this visit."""
        self._left_over |= set(page.left_over)
        ids = [self._id(found) for found in page.reviews]
        records = [(id, one) for id, found in zip(ids, page.reviews, strict=True) if (one := self._record(id, found))]
        reviews = [(id, record) for id, record in records if isinstance(record, Review)]
        known = self._history.known([review for _, review in reviews])
        self._fresh |= {id for (id, _), is_known in zip(reviews, known, strict=True) if not is_known}
        broken = [self.broken(problem) for problem in page.problems]
        return [record for _, record in records] + broken, not self._fresh.isdisjoint(ids)

    def broken(self, problem: str) -> BrokenRecord:
        """A record for what cannot be read."""
        self._position += 1
        return BrokenRecord(self._position, problem)

    def layout(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Fields that no review had, and names of what they have and nobody reads; None where too few were read."""
        if self.found < ENOUGH:
            return None
        return tuple(sorted(set(_FIELDS) - self._present)), tuple(sorted(self._left_over))

    def _id(self, found: ParsedReview) -> str:
        return found.external_id or self._content_ids.give(
            self._source, found.text, found.rating, found.written_at, found.language
        )

    def _record(self, external_id: str, found: ParsedReview) -> Review | BrokenRecord | None:
        """The review, prepared; None for one that is repeated on several pages."""
        digest = hashlib.sha256(found.text.encode()).digest()[:16]
        if (known := self._texts.get(external_id)) is not None:
            return None if known == digest else self.broken("the id of an earlier review with another text")
        self._texts[external_id] = digest
        self._present |= {name for name in _FIELDS if getattr(found, name) is not None}
        self._position += 1
        language = found.language or self._language
        review = Review(
            self._source, external_id, found.text, self._position, found.url, found.rating, language, found.written_at
        )
        return self._prepare(review)
