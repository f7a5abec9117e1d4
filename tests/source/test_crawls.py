"""A second crawl fetches only new reviews, misses none, and reports changes of the site."""

import json
import time
from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline.clean import prepare
from pipeline.errors import InputError, TransientError
from pipeline.records import Review
from pipeline.source.sources import Sources
from pipeline.source.web.description import Description
from pipeline.source.web.fetcher import Fetcher
from pipeline.source.web.site import Site
from pipeline.store import Crawls, Store
from source.shop import CrawlRunner, Shop


def test_the_second_crawl_stops_at_the_first_page_without_new_reviews(
    store: Store, httpserver: HTTPServer, shop: Shop
) -> None:
    """On SQLite and on Postgres."""
    runner = CrawlRunner(store, httpserver.url_for("").rstrip("/"), shop)
    assert len(runner.run()) == 20 and len(runner.pages) == 5
    shop.names[:0] = ["n22", "n21"]
    assert runner.run()[:2] == ["n22", "n21"]
    assert runner.pages == ["/1", "/2"] and runner.warnings == []


def test_an_unchanged_page_is_answered_with_304(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    assert runner.run() == [] and runner.pages == ["/1"] and shop.not_modified == 1
    assert runner.warnings == [], "the following pages are known from the first crawl"


def test_a_changed_first_page_without_new_reviews_ends_the_crawl(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.extra = {"helpful": 3}
    assert runner.run() == ["n20", "n19", "n18", "n17"] and runner.pages == ["/1"]


def test_an_edited_review_counts_as_new(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.extra = {"reviewBody": "Avis modifié"}
    assert len(runner.run()) == 20


def test_a_stopped_crawl_is_repeated_completely(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.names[:0] = [f"n{number}" for number in range(30, 20, -1)]
    shop.down = "/2"
    with pytest.raises(TransientError, match="answers 503"):
        runner.run()
    shop.down = None
    assert len(runner.run()) == 30, "n26 to n21 follow a page without new reviews"
    assert runner.run() == []


def test_the_crawl_of_an_unpublished_run_is_repeated(runner: CrawlRunner) -> None:
    runner.run(ends=False)
    assert len(runner.run(ends=False)) == 20 and len(runner.run()) == 20
    assert runner.run() == []


def test_verbatims_without_an_answer_are_read_again(runner: CrawlRunner) -> None:
    runner.run(answered=False)
    assert len(runner.run()) == 20, "otherwise they would never be analysed"
    assert runner.run() == []


def test_only_the_crawl_of_a_failed_daily_run_is_repeated(runner: CrawlRunner) -> None:
    runner.run(day=date(2026, 6, 29), ends=False)
    assert len(runner.run(day=date(2026, 6, 30))) == 20
    assert runner.run(day=date(2026, 7, 1)) == []


def test_a_source_with_a_changed_description_is_crawled_completely(runner: CrawlRunner) -> None:
    runner.run()
    assert len(runner.run(source=runner.site(language="fr"))) == 20
    assert len(runner.run(source=runner.site(name="other"))) == 20
    assert len(runner.run(source=runner.site(pages=3))) == 12
    assert len(runner.run()) == 20, "the old description again: reviews may have been missed in between"


def test_a_limited_crawl_is_not_recorded(runner: CrawlRunner) -> None:
    next(runner.site().reviews(runner.store.crawls(runner.store.runs.start("prod", "test")), prepare))
    assert len(runner.run()) == 20


def test_a_dry_crawl_is_not_recorded(runner: CrawlRunner) -> None:
    site, history = runner.site(), runner.store.crawls()
    assert len(list(site.reviews(history, prepare))) == 20 and site.finish(history) == []
    assert len(runner.run()) == 20


def test_a_drop_in_reviews_is_reported_and_the_next_crawl_is_complete(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    everything, shop.names = shop.names, ["n20", "n19"]
    runner.run()
    assert runner.warnings == ["2 reviews, where it usually holds 20: are pages missing?"]
    shop.names = ["n21", *everything]
    assert len(runner.run()) == 21, "after a drop a page without new reviews does not end the crawl"


def test_a_changed_layout_is_reported_once(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.date, shop.extra = None, {"reviewBody": "Autre", "stars": 4, "Très déçu par ce produit": 1}
    runner.run()
    assert runner.warnings == [
        "no review has the field written_at any more; has the layout changed?",
        "its pages have new fields, which are not read: stars",
    ]
    runner.run()
    assert runner.warnings == [], "reported only once"


def test_a_layout_without_reviews_is_an_error_that_names_what_was_found(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.extra = {"@type": "Product", "reviewBody": None}
    with pytest.raises(InputError, match=r"/1: no review\(s\) on 5 page\(s\) \(no Review, but Product\); is this"):
        runner.run()


def test_a_linked_page_without_reviews_is_reported(runner: CrawlRunner, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/3").respond_with_data("<p>Erreur</p>")
    assert len(runner.run()) == 8
    assert runner.warnings == [f"{runner.url}/3 holds no review: no schema.org data"]
    assert len(runner.run()) == 20, "the following pages were never read"


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<a rel=next href='http://other.invalid/4'>", "the next page is on another host; reading ends here"),
        ("<a rel=next href='//['>", "next link cannot be read"),
        ("<script type='application/ld+json'>{</script>", "broken JSON-LD script"),
    ],
)
def test_a_crawl_ended_by_a_problem_is_repeated_completely(
    runner: CrawlRunner, httpserver: HTTPServer, page: str, problem: str
) -> None:
    review = '<script type="application/ld+json">{"@type": "Review", "reviewBody": "Bien"}</script>'
    httpserver.expect_oneshot_request("/3").respond_with_data(review + page)
    assert runner.run()[-1] == problem
    assert len(runner.run()) == 20 and runner.run() == []


def test_two_overlapping_addresses_give_each_review_once_and_both_are_read(runner: CrawlRunner) -> None:
    urls = [f"{runner.url}/1", f"{runner.url}/3"]

    def both() -> Site:
        return Site("shop", Description(urls, delay_s=0, expected=20), Fetcher(private=True))

    assert len(runner.run(source=both())) == 20 and runner.pages == ["/1", "/2", "/3", "/4", "/5"]
    runner.shop.names[:0] = [f"m{number}" for number in range(9)]
    assert len(runner.run(source=both())) >= 12 and runner.warnings == []


def test_pages_with_a_cursor_in_the_address_are_not_reported_as_a_drop(
    runner: CrawlRunner, httpserver: HTTPServer
) -> None:
    """Pages without fixed addresses: each address names the review before its first one."""

    def page(request: Request) -> Response:
        names = runner.shop.names
        at = names.index(request.args["after"]) + 1 if "after" in request.args else 0
        reviews = [runner.shop._review(name) for name in names[at : at + 4]]
        onward = f'<a rel="next" href="/c?after={names[at + 3]}">' if at + 4 < len(names) else ""
        return Response(f'<script type="application/ld+json">{json.dumps(reviews)}</script>{onward}')

    httpserver.expect_request("/c").respond_with_handler(page)
    for news in range(4):
        runner.shop.names[:0] = [f"news{news}"]
        source = Site("c", Description([f"{runner.url}/c"], delay_s=0, expected=20), Fetcher(private=True))
        records = runner.run(source=source)
        assert (f"news{news}" in records, runner.warnings) == (True, [])
        assert len(records) == (21 if news == 0 else 8)
    with runner.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pages").scalar() == 2, "old page addresses are deleted"


@pytest.mark.parametrize("expected", [21, 20])
def test_fewer_reviews_than_expected_are_an_error(runner: CrawlRunner, expected: int) -> None:
    source = runner.site(expected=expected)
    if expected > 20:
        with pytest.raises(InputError, match=r"20 review\(s\) on 5 page\(s\), where 21 are expected"):
            runner.run(source=source)
    else:
        assert len(runner.run(source=source)) == 20


def test_an_error_in_one_source_does_not_stop_the_others(runner: CrawlRunner, shop: Shop) -> None:
    def sources() -> Sources:
        return Sources([runner.site("broken", expected=99), runner.site("shop")])

    with pytest.raises(InputError, match=r"^source broken: .* 20 review\(s\) .*, where 99 are expected"):
        runner.run(source=sources())
    with runner.store.database.read() as connection:
        held = connection.exec_driver_sql("SELECT source, count(*) FROM texts GROUP BY source ORDER BY 1").all()
    assert held == [("broken", 20), ("shop", 20)]


def test_two_sources_on_one_host_share_its_delay(monkeypatch: pytest.MonkeyPatch, runner: CrawlRunner) -> None:
    waited: list[float] = []
    clock = SimpleNamespace(sleep=waited.append, monotonic=time.monotonic)
    monkeypatch.setattr("pipeline.source.web.fetcher.time", clock)
    fetcher = Fetcher(private=True)
    described = Description([f"{runner.url}/1"], delay_s=7)
    runner.run(source=Sources([Site("a", described, fetcher), Site("b", described, fetcher)]))
    assert len(waited) == 9 and all(5 < one <= 7 for one in waited), "between ten pages"
    assert runner.shop.asked.count("/robots.txt") == 1


def test_a_review_is_prepared_once_and_the_history_is_queried_once_per_page(runner: CrawlRunner) -> None:
    """Repair, masking and one transaction per review dominated the time of a crawl."""
    prepared: list[str] = []
    asked: list[int] = []

    class CountingCrawls(Crawls):
        def known(self, reviews: Sequence[Review]) -> list[bool]:
            asked.append(len(reviews))
            return super().known(reviews)

    def counted(review: Review) -> Review:
        prepared.append(review.external_id)
        return prepare(review)

    site = runner.site()
    history = CountingCrawls(runner.store.database, runner.store.runs.start("prod", "test"))
    read = [record for record in site.reviews(history, counted) if isinstance(record, Review)]
    assert sorted(prepared) == sorted(record.external_id for record in read) and len(read) > 10
    assert len(asked) == len(runner.shop.asked) - 1 and sum(asked) == len(read)  # minus the request for robots.txt
