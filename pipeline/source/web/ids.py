"""Decides the id of each review that a crawl reads."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from pipeline.source.address import absolute
from pipeline.source.fields import ContentIds
from pipeline.source.parsers.parsed import ParsedReview


class ReviewIds:
    """The ids of one source: those of its pages, and ids made from the content where a page has none.

    Many shops give all reviews of a product one id, the address of the product. So an id counts as none if it is the
    address of the page, or if reviews with different texts have it. Where they are on different pages, the first one
    keeps it.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._digests: dict[str, bytes] = {}
        """Hash of the text by id of a page."""
        self._shared: set[str] = set()
        self._content_ids = ContentIds()

    def give(self, reviews: tuple[ParsedReview, ...], url: str) -> list[str]:
        """An id for each review of the page at `url`."""
        own = [None if _is_page(review.external_id, url) else review.external_id for review in reviews]
        texts: dict[str, bytes] = {}
        for id, review in zip(own, reviews, strict=True):
            if id and texts.setdefault(id, _digest(review)) != _digest(review):
                self._shared.add(id)
        return [self._give(id, review) for id, review in zip(own, reviews, strict=True)]

    def _give(self, id: str | None, review: ParsedReview) -> str:
        if id:
            known = self._digests.get(id)
            if known is None and id not in self._shared:
                known = self._digests[id] = _digest(review)
            if known == _digest(review):
                return id
            self._shared.add(id)
        return self._content_ids.give(self._source, review.text, review.rating, review.written_at, review.language)


def _is_page(id: str | None, url: str) -> bool:
    """Whether an id is the address of the page, with or without its query. Another query may tell reviews apart."""
    # "12" on the page "/avis/12" is no address
    address = absolute(id, url) if id and ("/" in id or id.startswith("?")) else None
    if address is None:
        return False
    (*place, query), (*page, its_query) = _parts(address), _parts(url)
    return place == page and query in ("", its_query)


def _parts(url: str) -> tuple[str | None, str, str]:
    parts = urlsplit(url)
    return parts.hostname, parts.path.rstrip("/"), parts.query


def _digest(review: ParsedReview) -> bytes:
    # 16 bytes instead of the text, since a crawl of 1000 pages keeps them all
    return hashlib.sha256(review.text.encode()).digest()[:16]
