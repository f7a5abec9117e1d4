"""A shop that changes between two crawls, and a runner that crawls it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from werkzeug import Request, Response

from pipeline.clean import prepare
from pipeline.records import BrokenRecord, Review, SkipReason
from pipeline.source.sources import Sources
from pipeline.source.web.description import Description
from pipeline.source.web.fetcher import Fetcher
from pipeline.source.web.site import Site
from pipeline.store import Decision, Store


@dataclass
class Shop:
    """A shop's pages of four reviews, newest first, with ETags; the test changes them."""

    names: list[str]
    size: int = 4
    down: str | None = None
    """A path that answers 503."""
    extra: dict[str, object] = field(default_factory=dict)
    date: str | None = "2026-06-30"
    asked: list[str] = field(default_factory=list)
    not_modified: int = 0

    def answer(self, request: Request) -> Response:
        self.asked.append(request.full_path.rstrip("?"))
        if request.path == self.down:
            return Response("", 503)
        if request.path == "/robots.txt":
            return Response("", 404)
        number = int(request.path.strip("/"))
        names = self.names[(number - 1) * self.size : number * self.size]
        reviews = [self._review(name) for name in names]
        more = number * self.size < len(self.names)
        page = f'<script type="application/ld+json">{json.dumps(reviews)}</script>'
        response = Response(page + (f'<a rel="next" href="/{number + 1}">' if more else ""))
        response.add_etag()
        response.make_conditional(request)
        self.not_modified += response.status_code == 304
        return response

    def _review(self, name: str) -> dict[str, object]:
        said = {"datePublished": self.date} if self.date else {}
        return {"@type": "Review", "identifier": name, "reviewBody": f"Avis {name}", **said, **self.extra}


@dataclass
class CrawlRunner:
    """Crawls a source into the store, as a run does."""

    store: Store
    url: str
    shop: Shop
    warnings: list[str] = field(default_factory=list)

    def site(self, name: str = "shop", **more: object) -> Site:
        return Site(
            name, Description([f"{self.url}/1"], delay_s=0, **more), Fetcher(timeout_s=2, retry_s=0, private=True)
        )  # type: ignore[arg-type]

    def run(
        self,
        *,
        day: date | None = None,
        ends: bool = True,
        answered: bool = True,
        source: Site | Sources | None = None,
    ) -> list[str]:
        """Crawl into the store and return ids and problems. `ends`: whether the run is published; `answered`:
        whether every text gets an outcome."""
        self.shop.asked.clear()
        source = source or self.site()
        run_id = self.store.runs.start("prod", "test", day)
        history = self.store.crawls(run_id)
        records: list[Review | BrokenRecord] = []

        def recorded() -> Iterator[Review | BrokenRecord]:
            for record in source.reviews(history, prepare):
                records.append(record)
                yield record

        for _ in self.store.texts.add(run_id, recorded()):
            pass
        self.warnings = source.finish(history)
        for page in self.store.texts.uncleaned(run_id) if answered else ():
            self.store.texts.decide(run_id, [Decision(one.text_id, one.source, SkipReason.TOO_SHORT) for one in page])
        if ends:
            self.store.runs.finish(run_id)
        return [one.problem if isinstance(one, BrokenRecord) else one.external_id for one in records]

    @property
    def pages(self) -> list[str]:
        return [path for path in self.shop.asked if path != "/robots.txt"]
