"""A second visit asks only for what is new, loses nothing, and says what has changed."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline.clean import prepare
from pipeline.errors import InputError, TransientError
from pipeline.records import BrokenRecord, Review, SkipReason
from pipeline.source.sources import Sources
from pipeline.source.web.description import Description
from pipeline.source.web.fetcher import Fetcher
from pipeline.source.web.site import Site
from pipeline.store import Crawls, Decision, Store, open_store


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
        """Reads into the store, and gives what was read; `ends` says whether the run comes to its rows, `answered`
        whether all that it read comes to an outcome."""
        self.shop.asked.clear()
        source = source or self.site()
        run_id = self.store.runs.start("prod", "test", day)
        history = Crawls(self.store.database, run_id)
        records: list[Review | BrokenRecord] = []

        def noted() -> Iterator[Review | BrokenRecord]:
            for record in source.reviews(history, prepare):
                records.append(record)
                yield record

        for _ in self.store.add(run_id, noted()):
            pass
        self.said = source.finish(history)
        for page in self.store.uncleaned(run_id) if answered else ():
            self.store.decide(run_id, [Decision(one.row, one.source, SkipReason.TOO_SHORT) for one in page])
        if ends:
            self.store.runs.finish(run_id)
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
    with pytest.raises(TransientError, match="answers 503"):
        visitor.run()
    shop.down = None
    assert len(visitor.run()) == 30, "n26 to n21 stand behind a page without news"
    assert visitor.run() == []


def test_a_run_that_came_to_no_rows_is_made_up_for(visitor: Visitor) -> None:
    visitor.run(ends=False)
    assert len(visitor.run(ends=False)) == 20 and len(visitor.run()) == 20
    assert visitor.run() == []


def test_a_verbatim_that_met_an_outage_is_read_again(visitor: Visitor) -> None:
    visitor.run(answered=False)
    assert len(visitor.run()) == 20, "or nobody would ask about it again"
    assert visitor.run() == []


def test_a_night_that_failed_is_made_up_for_and_one_that_did_not_is_not(visitor: Visitor) -> None:
    visitor.run(day=date(2026, 6, 29), ends=False)
    assert len(visitor.run(day=date(2026, 6, 30))) == 20
    assert visitor.run(day=date(2026, 7, 1)) == []


def test_a_source_described_otherwise_is_another(visitor: Visitor) -> None:
    visitor.run()
    assert len(visitor.run(source=visitor.site(language="fr"))) == 20
    assert len(visitor.run(source=visitor.site(name="other"))) == 20
    assert len(visitor.run(source=visitor.site(pages=3))) == 12
    assert len(visitor.run()) == 20, "as it was before: between the two, others may have come and gone"


def test_a_limited_look_is_no_visit(visitor: Visitor) -> None:
    next(visitor.site().reviews(Crawls(visitor.store.database, visitor.store.runs.start("prod", "test")), prepare))
    assert len(visitor.run()) == 20


def test_a_dry_look_leaves_nothing_behind(visitor: Visitor) -> None:
    site, history = visitor.site(), Crawls(visitor.store.database)
    assert len(list(site.reviews(history, prepare))) == 20 and site.finish(history) == []
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
    assert len(visitor.run()) == 20, "what stands behind it was never seen"


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<a rel=next href='http://other.invalid/4'>", "the next page is on another host; reading ends here"),
        ("<a rel=next href='//['>", "next link cannot be read"),
        ("<script type='application/ld+json'>{</script>", "broken JSON-LD script"),
    ],
)
def test_a_visit_that_something_stood_in_the_way_of_is_made_up_for(
    visitor: Visitor, httpserver: HTTPServer, page: str, problem: str
) -> None:
    review = '<script type="application/ld+json">{"@type": "Review", "reviewBody": "Bien"}</script>'
    httpserver.expect_oneshot_request("/3").respond_with_data(review + page)
    assert visitor.run()[-1] == problem
    assert len(visitor.run()) == 20 and visitor.run() == []


def test_two_addresses_that_overlap_give_each_review_once_and_are_read_to_the_end(visitor: Visitor) -> None:
    urls = [f"{visitor.url}/1", f"{visitor.url}/3"]

    def both() -> Site:
        return Site("shop", Description(urls, delay_s=0, expected=20), Fetcher(private=True))

    assert len(visitor.run(source=both())) == 20 and visitor.pages == ["/1", "/2", "/3", "/4", "/5"]
    visitor.shop.names[:0] = [f"m{number}" for number in range(9)]
    assert len(visitor.run(source=both())) >= 12 and visitor.said == []


def test_a_cursor_in_the_address_is_no_fall(visitor: Visitor, httpserver: HTTPServer) -> None:
    """Where pages have no address of their own: each says behind which review it begins."""

    def page(request: Request) -> Response:
        names = visitor.shop.names
        at = names.index(request.args["after"]) + 1 if "after" in request.args else 0
        reviews = [visitor.shop._review(name) for name in names[at : at + 4]]
        onward = f'<a rel="next" href="/c?after={names[at + 3]}">' if at + 4 < len(names) else ""
        return Response(f'<script type="application/ld+json">{json.dumps(reviews)}</script>{onward}')

    httpserver.expect_request("/c").respond_with_handler(page)
    for news in range(4):
        visitor.shop.names[:0] = [f"news{news}"]
        source = Site("c", Description([f"{visitor.url}/c"], delay_s=0, expected=20), Fetcher(private=True))
        records = visitor.run(source=source)
        assert (f"news{news}" in records, visitor.said) == (True, [])
        assert len(records) == (21 if news == 0 else 8)
    with visitor.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pages").scalar() == 2, "they do not pile up"


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
    monkeypatch.setattr("pipeline.source.web.fetcher.time", clock)
    fetcher = Fetcher(private=True)
    described = Description([f"{visitor.url}/1"], delay_s=7)
    visitor.run(source=Sources([Site("a", described, fetcher), Site("b", described, fetcher)]))
    assert len(waited) == 9 and all(5 < one <= 7 for one in waited), "between ten pages"
    assert visitor.shop.asked.count("/robots.txt") == 1


Answers = list[str | int]


class Forum:
    """Numbered pages, each as the test says: names of reviews, a status, or anything else."""

    def __init__(self, httpserver: HTTPServer) -> None:
        self.pages: Answers = []
        self.url = httpserver.url_for("/avis?p={page}")
        self.asked: list[int] = []
        httpserver.expect_request("/robots.txt").respond_with_data("", 404)
        httpserver.expect_request("/avis").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        self.asked.append(int(request.args["p"]))
        page = self.pages[self.asked[-1] - 1] if self.asked[-1] <= len(self.pages) else ""
        if isinstance(page, int):
            return Response("", page)
        reviews = [f"<li class=avis id={name}><p>{name if name[0] != '-' else ''}</p></li>" for name in page.split()]
        return Response("".join(reviews))

    def site(self) -> Site:
        options = {"review": ".avis", "text": "p", "id": "::attr(id)"}
        return Site("forum", Description([self.url], "css", options, delay_s=0), Fetcher(private=True))

    def read(self) -> tuple[list[str], list[str]]:
        site = self.site()
        read = [one.external_id if isinstance(one, Review) else one.problem for one in site.reviews()]
        return read, site.finish()


@pytest.fixture
def forum(httpserver: HTTPServer) -> Forum:
    return Forum(httpserver)


@pytest.mark.parametrize("last", [404, 410, 400, ""])
def test_numbered_pages_end_before_two_without_a_review(forum: Forum, last: str | int) -> None:
    forum.pages = ["a b", "c", last, last]
    assert forum.read() == (["a", "b", "c"], []) and forum.asked == [1, 2, 3, 4]


def test_numbered_pages_end_where_the_last_one_comes_again(forum: Forum) -> None:
    forum.pages = ["a b", "c", "c", "c"]
    assert forum.read() == (["a", "b", "c"], []) and forum.asked == [1, 2, 3]


@pytest.mark.parametrize("moment", [404, ""])
def test_a_page_that_is_gone_for_a_moment_ends_nothing_and_is_made_up_for(
    forum: Forum, visitor: Visitor, moment: str | int
) -> None:
    forum.pages = ["a", "b", moment, "d"]
    assert visitor.run(source=forum.site()) == ["a", "b", "d"]
    forum.pages = ["a", "b", "c", "d"]
    assert visitor.run(source=forum.site()) == ["a", "b", "c", "d"]
    assert visitor.run(source=forum.site()) == ["a"], "from then on the first page says it all"


def test_pages_that_shift_while_they_are_read_end_nothing(forum: Forum) -> None:
    forum.pages = ["a b", "b a", "c d", "e"]
    assert forum.read()[0] == ["a", "b", "c", "d", "e"]


def test_a_page_of_broken_reviews_is_not_the_last(forum: Forum) -> None:
    forum.pages = ["a", "-1 -2", "b"]
    assert forum.read()[0] == ["a", "no text", "no text", "b"]


def test_a_first_page_that_holds_nothing_is_said(forum: Forum) -> None:
    forum.pages = ["", "b"]
    read, said = forum.read()
    assert read == ["b"] and said == [f"{forum.url.replace('{page}', '1')} holds no review: {NOTHING_FOUND}"]


NOTHING_FOUND = 'nothing that the selector ".avis" finds'


def test_a_review_is_prepared_once_and_the_history_is_asked_once_a_page(visitor: Visitor) -> None:
    """Repair and masking are most of what reading costs, and a transaction for each review was the rest."""
    prepared: list[str] = []
    asked: list[int] = []

    class Asked(Crawls):
        def known(self, reviews: Sequence[Review]) -> list[bool]:
            asked.append(len(reviews))
            return super().known(reviews)

    def counted(review: Review) -> Review:
        prepared.append(review.external_id)
        return prepare(review)

    site = visitor.site()
    history = Asked(visitor.store.database, visitor.store.runs.start("prod", "test"))
    read = [record for record in site.reviews(history, counted) if isinstance(record, Review)]
    assert sorted(prepared) == sorted(record.external_id for record in read) and len(read) > 10
    assert len(asked) == len(visitor.shop.asked) - 1 and sum(asked) == len(read)  # one of them was robots.txt
