"""What a visit to a site has read so far: reviews in order, each id once, and what they show of the site's layout."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pipeline.records import BrokenRecord, Review
from pipeline.source.fields import ContentIds
from pipeline.source.found import Found, Page
from pipeline.source.memory import Memory

ENOUGH = 10
"""Reviews that must have been read before one can say that a field is missing from all of them."""

_FIELDS = ("external_id", "url", "rating", "language", "written_at")


class Harvest:
    """Of one source. `language` is that of reviews that do not say theirs."""

    def __init__(self, source: str, language: str | None, memory: Memory) -> None:
        self._source, self._language, self._memory = source, language, memory
        self._texts: dict[str, bytes] = {}
        self._content_ids = ContentIds()
        self._position = self._read = 0
        self._present: set[str] = set()
        self._left_over: set[str] = set()
        self.fresh = 0
        """Reviews that the store does not hold like this."""

    def take(self, page: Page) -> list[Review | BrokenRecord]:
        """The records of a page."""
        self._left_over |= set(page.left_over)
        records = [record for found in page.reviews for record in self._record(found)]
        return records + [self.broken(problem) for problem in page.problems]

    def broken(self, problem: str) -> BrokenRecord:
        """A record for what cannot be read."""
        self._position += 1
        return BrokenRecord(self._position, problem)

    def layout(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Fields that no review had, and names of what they have and nobody reads; None where too few were read."""
        if self._read < ENOUGH:
            return None
        return tuple(sorted(set(_FIELDS) - self._present)), tuple(sorted(self._left_over))

    def _record(self, found: Found) -> Iterator[Review | BrokenRecord]:
        self._read += 1
        self._present |= {name for name in _FIELDS if getattr(found, name) is not None}
        external_id = found.external_id or self._content_ids.give(
            self._source, found.text, found.rating, found.written_at, found.language
        )
        digest = hashlib.sha256(found.text.encode()).digest()[:16]
        known = self._texts.setdefault(external_id, digest)
        if known is not digest:
            if known != digest:  # else it is the review of the week, which stands on every page
                yield self.broken("the id of an earlier review with another text")
            return
        self._position += 1
        review = Review(
            self._source,
            external_id,
            found.text,
            self._position,
            found.url,
            found.rating,
            found.language or self._language,
            found.written_at,
        )
        self.fresh += not self._memory.knows(review)
        yield review
