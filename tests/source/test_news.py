"""A second visit asks only for what is new, loses nothing, and says what has changed."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline.clean import prepare
from pipeline.errors import InputError, Stopped
from pipeline.records import BrokenRecord, Review
from pipeline.source.guest import Guest
from pipeline.source.site import Address, Site
from pipeline.source.sources import Sources
from pipeline.store import Store, Visits, open_store


@dataclass
class Shop:
    """A shop's pages of four reviews, newest first, with ETags; changed by the test as it likes."""

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


@pytest.fixture
def shop(httpserver: HTTPServer) -> Shop:
    shop = Shop([f"n{number}" for number in range(20, 0, -1)])
    httpserver.expect_request("/robots.txt").respond_with_handler(shop.answer)
    for number in range(1, 30):
        httpserver.expect_request(f"/{number}").respond_with_handler(shop.answer)
    return shop


@dataclass
class Visitor:
    """Visits as a run does."""

    store: Store
    url: str
    shop: Shop
    said: list[str] = field(default_factory=list)

    def site(self, name: str = "shop", **more: object) -> Site:
        return Site(name, Address([f"{self.url}/1"], delay_s=0, **more), Guest(timeout_s=2, retry_s=0, private=True))  # type: ignore[arg-type]

    def run(self, *, day: date | None = None, ends: bool = True, source: Site | Sources | None = None) -> list[str]:
        """Reads into the store, and gives what was read; `ends` says whether the run comes to its rows."""
        self.shop.asked.clear()
        source = source or self.site()
        run_id = self.store.runs.begin("prod", "test", day)
        memory = Visits(self.store.database, prepare, run_id)
        records: list[Review | BrokenRecord] = []

        def noted() -> Iterator[Review | BrokenRecord]:
            for record in source.reviews(memory):
                records.append(record)
                yield record

        for _ in self.store.add(run_id, noted()):
            pass
        self.said = source.finish(memory)
        if ends:
            self.store.runs.end(run_id)
        return [one.problem if isinstance(one, BrokenRecord) else one.external_id for one in records]

    @property
    def pages(self) -> list[str]:
        return [path for path in self.shop.asked if path != "/robots.txt"]


@pytest.fixture
def visitor(tmp_path: Path, httpserver: HTTPServer, shop: Shop) -> Iterator[Visitor]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    yield Visitor(store, httpserver.url_for("").rstrip("/"), shop)
    store.close()


def test_the_second_visit_reads_no_further_than_the_first_page_without_news(
    store: Store, httpserver: HTTPServer, shop: Shop
) -> None:
    """On SQLite and on Postgres."""
    visitor = Visitor(store, httpserver.url_for("").rstrip("/"), shop)
    assert len(visitor.run()) == 20 and len(visitor.pages) == 5
    shop.names[:0] = ["n22", "n21"]
    assert visitor.run()[:2] == ["n22", "n21"]
    assert visitor.pages == ["/1", "/2"] and visitor.said == []


def test_a_page_that_is_as_it_was_is_not_sent_again(visitor: Visitor, shop: Shop) -> None:
    visitor.run()
    assert visitor.run() == [] and visitor.pages == ["/1"] and shop.not_modified == 1
    assert visitor.said == [], "what stands behind it is remembered"


def test_a_first_page_that_changed_without_news_is_enough(visitor: Visitor, shop: Shop) -> None:
    visitor.run()
    shop.extra = {"helpful": 3}
    assert visitor.run() == ["n20", "n19", "n18", "n17"] and visitor.pages == ["/1"]


def test_an_edited_review_is_news(visitor: Visitor, shop: Shop) -> None:
    visitor.run()
    shop.extra = {"reviewBody": "Avis modifié"}
    assert len(visitor.run()) == 20


def test_a_visit_that_stopped_on_the_way_is_made_up_for(visitor: Visitor, shop: Shop) -> None:
    visitor.run()
    shop.names[:0] = [f"n{number}" for number in range(30, 20, -1)]
    shop.down = "/2"
    with pytest.raises(Stopped, match="answers 503"):
        visitor.run()
    shop.down = None
    assert len(visitor.run()) == 30, "n26 to n21 stand behind a page without news"
    assert visitor.run() == []


def test_a_run_that_came_to_no_rows_is_made_up_for(visitor: Visitor) -> None:
    visitor.run(ends=False)
    assert len(visitor.run(ends=False)) == 20 and len(visitor.run()) == 20
    assert visitor.run() == []


def test_a_day_s_run_needs_no_end_since_the_next_night_takes_up_what_it_leaves(visitor: Visitor) -> None:
    visitor.run(day=date(2026, 6, 29), ends=False)
    assert visitor.run(day=date(2026, 6, 30), ends=False) == []


def test_a_source_described_otherwise_is_another(visitor: Visitor) -> None:
    visitor.run()
    assert len(visitor.run(source=visitor.site(language="fr"))) == 20
    assert len(visitor.run(source=visitor.site(name="other"))) == 20
    assert visitor.run() == [], "the first one is remembered beside them, on the same pages"


def test_a_limited_look_is_no_visit(visitor: Visitor) -> None:
    next(visitor.site().reviews(Visits(visitor.store.database, prepare, visitor.store.runs.begin("prod", "test"))))
    assert len(visitor.run()) == 20


def test_a_dry_look_leaves_nothing_behind(visitor: Visitor) -> None:
    site, memory = visitor.site(), Visits(visitor.store.database, prepare)
    assert len(list(site.reviews(memory))) == 20 and site.finish(memory) == []
    assert len(visitor.run()) == 20


def test_many_fewer_than_usual_are_said_and_looked_for_again(visitor: Visitor, shop: Shop) -> None:
    visitor.run()
    everything, shop.names = shop.names, ["n20", "n19"]
    visitor.run()
    assert visitor.said == ["2 reviews, where it usually holds 20: what became of the others?"]
    shop.names = ["n21", *everything]
    assert len(visitor.run()) == 21, "a page without news is not trusted behind a fall"


def test_a_changed_layout_is_said(visitor: Visitor, shop: Shop) -> None:
    visitor.run()
    shop.date, shop.extra = None, {"reviewBody": "Autre", "stars": 4, "Très déçu par ce produit": 1}
    visitor.run()
    assert visitor.said == [
        "no review has its written at any more; has the layout changed?",
        "its pages give what nobody reads yet: stars",
    ]
    visitor.run()
    assert visitor.said == [], "once"


def test_a_layout_without_any_review_is_an_error_that_says_what_is_there(visitor: Visitor, shop: Shop) -> None:
    visitor.run()
    shop.extra = {"@type": "Product", "reviewBody": None}
    with pytest.raises(InputError, match=r"/1: no review\(s\) on 5 page\(s\) \(no Review, but Product\); is this"):
        visitor.run()


def test_a_page_that_others_lead_to_and_that_holds_nothing_is_said(visitor: Visitor, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/3").respond_with_data("<p>Erreur</p>")
    assert len(visitor.run()) == 8
    assert visitor.said == [f"{visitor.url}/3 holds no review: no schema.org data"]


@pytest.mark.parametrize("expected", [21, 20])
def test_too_few_are_an_error(visitor: Visitor, expected: int) -> None:
    source = visitor.site(expected=expected)
    if expected > 20:
        with pytest.raises(InputError, match=r"20 review\(s\) on 5 page\(s\), where 21 are expected"):
            visitor.run(source=source)
    else:
        assert len(visitor.run(source=source)) == 20


def test_what_is_wrong_with_one_source_keeps_no_other_from_being_read(visitor: Visitor, shop: Shop) -> None:
    def sources() -> Sources:
        return Sources([visitor.site("broken", expected=99), visitor.site("shop")])

    with pytest.raises(InputError, match=r"^source broken: .* 20 review\(s\) .*, where 99 are expected"):
        visitor.run(source=sources())
    with visitor.store.database.read() as connection:
        held = connection.exec_driver_sql("SELECT source, count(*) FROM verbatims GROUP BY source ORDER BY 1").all()
    assert held == [("broken", 20), ("shop", 20)]


def test_two_sources_on_one_host_share_its_pace(monkeypatch: pytest.MonkeyPatch, visitor: Visitor) -> None:
    waited: list[float] = []
    clock = SimpleNamespace(sleep=waited.append, monotonic=time.monotonic)
    monkeypatch.setattr("pipeline.source.guest.time", clock)
    guest = Guest(private=True)
    address = Address([f"{visitor.url}/1"], delay_s=7)
    visitor.run(source=Sources([Site("a", address, guest), Site("b", address, guest)]))
    assert len(waited) == 9 and all(5 < one <= 7 for one in waited), "between ten pages"
    assert visitor.shop.asked.count("/robots.txt") == 1


def numbered(pages: dict[int, str | int]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        page = pages.get(int(request.args["p"]), 404)
        return Response("", page) if isinstance(page, int) else Response(page)

    return answer


@pytest.mark.parametrize("last", [404, "<p>Rien</p>", "the page before"])
def test_numbered_pages_end_by_404_by_an_empty_page_or_by_the_last_one_again(
    httpserver: HTTPServer, last: int | str
) -> None:
    page = "<li class=avis id={0}><p>Avis {0}</p></li>"
    pages: dict[int, str | int] = {1: page.format("a"), 2: page.format("b")}
    pages[3] = pages[2] if last == "the page before" else last
    httpserver.expect_request("/robots.txt").respond_with_data("", 404)
    httpserver.expect_request("/avis").respond_with_handler(numbered(pages))
    options = {"review": ".avis", "text": "p", "id": "::attr(id)"}
    address = Address([httpserver.url_for("/avis?p={page}")], "css", options, delay_s=0)
    site = Site("forum", address, Guest(private=True))
    assert [review.external_id for review in site.reviews()] == ["a", "b"]  # type: ignore[union-attr]
    assert site.finish() == [] and len(httpserver.log) == 4
