"""How sources were last seen, so that the next crawl asks only for what is new."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import sqlalchemy as sa

from pipeline.records import FinishedCrawl, PageSeen, Review
from pipeline.store.database import Database
from pipeline.store.deliveries import PAGE
from pipeline.store.identity import Identities, forgotten_among, text_hash
from pipeline.store.predicates import LATEST, unanswered
from pipeline.store.tables import crawls, pages, runs, texts

REMEMBERED = 10
"""Crawls that the next one is compared to."""


class Crawls:
    """How sources were last seen, during a run. Implements `source.history.CrawlHistory`.

    Without a run it is looked at, and nothing is written.
    """

    def __init__(self, database: Database, run_id: str | None = None) -> None:
        self._database, self._run_id = database, run_id
        self._identities = Identities(database)

    def start_crawl(self, source: str, definition: str) -> bool:
        """Note that a crawl begins. Returns whether the latest one of that source, described as now, came to its end,
        and so did its run, and every verbatim of the source to an outcome."""
        latest = (
            sa.select(crawls.c.definition, crawls.c.ended_at, runs.c.ended_at.label("run_ended_at"))
            .outerjoin(runs, runs.c.run_id == crawls.c.run_id)
            .where(crawls.c.source == source)
            .order_by(crawls.c.crawl_id.desc())
            .limit(1)
        )
        waiting = sa.select(texts.c.text_id).where(texts.c.source == source, unanswered())
        started = {"source": source, "definition": definition, "run_id": self._run_id, "started_at": _now()}
        with self._database.write() if self._run_id else self._database.read() as connection:
            before = connection.execute(latest).first()
            left = connection.execute(waiting.limit(1)).first()
            if self._run_id:
                connection.execute(sa.insert(crawls).values(started))
        if before is None or before.definition != definition or left is not None:
            return False
        return before.ended_at is not None and before.run_ended_at is not None

    def known(self, reviews: Sequence[Review]) -> list[bool]:
        """Of each review, whether the store holds this text of this verbatim, or may not hold it any more."""
        ids = [self._identities.of_review(review) for review in reviews]
        hashes: dict[str, str] = {}
        forgotten: set[str] = set()
        with self._database.read() as connection:
            for first in range(0, len(ids), PAGE):
                some = ids[first : first + PAGE]
                latest = texts.c.verbatim_id.in_([id.verbatim_id for id in some]) & LATEST
                found = connection.execute(sa.select(texts.c.verbatim_id, texts.c.text_hash).where(latest))
                hashes |= {row.verbatim_id: row.text_hash for row in found}
                forgotten |= forgotten_among(connection, some)
        same = [hashes.get(id.verbatim_id) == text_hash(review.text) for id, review in zip(ids, reviews, strict=True)]
        return [is_same or id.verbatim_id in forgotten for id, is_same in zip(ids, same, strict=True)]

    def page(self, definition: str, url: str) -> PageSeen | None:
        """How a page was last seen under this definition."""
        query = sa.select(pages).where(pages.c.url == url, pages.c.definition == definition)
        with self._database.read() as connection:
            found = connection.execute(query).first()
        return PageSeen(found.url, found.etag, found.last_modified, found.found, found.next_url) if found else None

    def crawls(self, definition: str) -> Sequence[FinishedCrawl]:
        """The last ten that came to their end, latest first."""
        query = (
            sa.select(crawls)
            .where(crawls.c.definition == definition, crawls.c.ended_at.is_not(None))
            .order_by(crawls.c.crawl_id.desc())
            .limit(REMEMBERED)
        )
        with self._database.read() as connection:
            return [_finished(row) for row in connection.execute(query)]

    def finish_crawl(self, definition: str, crawl: FinishedCrawl, seen: Iterable[PageSeen]) -> None:
        """All that the crawl read is in the store: note it, and how its pages were."""
        if self._run_id is None:
            return
        mine = sa.select(sa.func.max(crawls.c.crawl_id)).where(
            crawls.c.definition == definition, crawls.c.run_id == self._run_id
        )
        layout = json.dumps({"missing": crawl.missing, "left_over": crawl.left_over})
        noted = {"ended_at": _now(), "pages": crawl.pages, "found": crawl.found, "fresh": crawl.fresh, "layout": layout}
        with self._database.write() as connection:
            connection.execute(sa.update(crawls).where(crawls.c.crawl_id == mine.scalar_subquery()).values(noted))
            connection.execute(sa.delete(pages).where(pages.c.definition == definition))
            if rows := [{**asdict(page), "definition": definition} for page in seen]:
                connection.execute(sa.insert(pages), rows)


def _finished(row: sa.Row[tuple[object, ...]]) -> FinishedCrawl:
    layout = json.loads(row.layout)
    return FinishedCrawl(row.pages, row.found, row.fresh, tuple(layout["missing"]), tuple(layout["left_over"]))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
