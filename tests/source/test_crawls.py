"""A second crawl asks only for what is new, loses nothing, and says what has changed."""

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


def test_the_second_crawl_reads_no_further_than_the_first_page_without_news(
    store: Store, httpserver: HTTPServer, shop: Shop
) -> None:
    """On SQLite and on Postgres."""
    runner = CrawlRunner(store, httpserver.url_for("").rstrip("/"), shop)
    assert len(runner.run()) == 20 and len(runner.pages) == 5
    shop.names[:0] = ["n22", "n21"]
    assert runner.run()[:2] == ["n22", "n21"]
    assert runner.pages == ["/1", "/2"] and runner.said == []


def test_a_page_that_is_as_it_was_is_not_sent_again(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    assert runner.run() == [] and runner.pages == ["/1"] and shop.not_modified == 1
    assert runner.said == [], "what stands behind it is remembered"


def test_a_first_page_that_changed_without_news_is_enough(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.extra = {"helpful": 3}
    assert runner.run() == ["n20", "n19", "n18", "n17"] and runner.pages == ["/1"]


def test_an_edited_review_is_news(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.extra = {"reviewBody": "Avis modifié"}
    assert len(runner.run()) == 20


def test_a_crawl_that_stopped_on_the_way_is_made_up_for(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.names[:0] = [f"n{number}" for number in range(30, 20, -1)]
    shop.down = "/2"
    with pytest.raises(TransientError, match="answers 503"):
        runner.run()
    shop.down = None
    assert len(runner.run()) == 30, "n26 to n21 stand behind a page without news"
    assert runner.run() == []


def test_a_run_that_came_to_no_rows_is_made_up_for(runner: CrawlRunner) -> None:
    runner.run(ends=False)
    assert len(runner.run(ends=False)) == 20 and len(runner.run()) == 20
    assert runner.run() == []


def test_a_verbatim_that_met_an_outage_is_read_again(runner: CrawlRunner) -> None:
    runner.run(answered=False)
    assert len(runner.run()) == 20, "or nobody would ask about it again"
    assert runner.run() == []


def test_a_night_that_failed_is_made_up_for_and_one_that_did_not_is_not(runner: CrawlRunner) -> None:
    runner.run(day=date(2026, 6, 29), ends=False)
    assert len(runner.run(day=date(2026, 6, 30))) == 20
    assert runner.run(day=date(2026, 7, 1)) == []


def test_a_source_described_otherwise_is_another(runner: CrawlRunner) -> None:
    runner.run()
    assert len(runner.run(source=runner.site(language="fr"))) == 20
    assert len(runner.run(source=runner.site(name="other"))) == 20
    assert len(runner.run(source=runner.site(pages=3))) == 12
    assert len(runner.run()) == 20, "as it was before: between the two, others may have come and gone"


def test_a_limited_look_is_no_crawl(runner: CrawlRunner) -> None:
    next(runner.site().reviews(runner.store.crawls(runner.store.runs.start("prod", "test")), prepare))
    assert len(runner.run()) == 20


def test_a_dry_look_leaves_nothing_behind(runner: CrawlRunner) -> None:
    site, history = runner.site(), runner.store.crawls()
    assert len(list(site.reviews(history, prepare))) == 20 and site.finish(history) == []
    assert len(runner.run()) == 20


def test_many_fewer_than_usual_are_said_and_looked_for_again(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    everything, shop.names = shop.names, ["n20", "n19"]
    runner.run()
    assert runner.said == ["2 reviews, where it usually holds 20: are pages missing?"]
    shop.names = ["n21", *everything]
    assert len(runner.run()) == 21, "a page without news is not trusted behind a fall"


def test_a_changed_layout_is_said(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.date, shop.extra = None, {"reviewBody": "Autre", "stars": 4, "Très déçu par ce produit": 1}
    runner.run()
    assert runner.said == [
        "no review has the field written_at any more; has the layout changed?",
        "its pages have new fields, which are not read: stars",
    ]
    runner.run()
    assert runner.said == [], "once"


def test_a_layout_without_any_review_is_an_error_that_says_what_is_there(runner: CrawlRunner, shop: Shop) -> None:
    runner.run()
    shop.extra = {"@type": "Product", "reviewBody": None}
    with pytest.raises(InputError, match=r"/1: no review\(s\) on 5 page\(s\) \(no Review, but Product\); is this"):
        runner.run()


def test_a_page_that_others_lead_to_and_that_holds_nothing_is_said(runner: CrawlRunner, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/3").respond_with_data("<p>Erreur</p>")
    assert len(runner.run()) == 8
    assert runner.said == [f"{runner.url}/3 holds no review: no schema.org data"]
    assert len(runner.run()) == 20, "what stands behind it was never seen"


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<a rel=next href='http://other.invalid/4'>", "the next page is on another host; reading ends here"),
        ("<a rel=next href='//['>", "next link cannot be read"),
        ("<script type='application/ld+json'>{</script>", "broken JSON-LD script"),
    ],
)
def test_a_crawl_that_something_stood_in_the_way_of_is_made_up_for(
    runner: CrawlRunner, httpserver: HTTPServer, page: str, problem: str
) -> None:
    review = '<script type="application/ld+json">{"@type": "Review", "reviewBody": "Bien"}</script>'
    httpserver.expect_oneshot_request("/3").respond_with_data(review + page)
    assert runner.run()[-1] == problem
    assert len(runner.run()) == 20 and runner.run() == []


def test_two_addresses_that_overlap_give_each_review_once_and_are_read_to_the_end(runner: CrawlRunner) -> None:
    urls = [f"{runner.url}/1", f"{runner.url}/3"]

    def both() -> Site:
        return Site("shop", Description(urls, delay_s=0, expected=20), Fetcher(private=True))

    assert len(runner.run(source=both())) == 20 and runner.pages == ["/1", "/2", "/3", "/4", "/5"]
    runner.shop.names[:0] = [f"m{number}" for number in range(9)]
    assert len(runner.run(source=both())) >= 12 and runner.said == []


def test_a_cursor_in_the_address_is_no_fall(runner: CrawlRunner, httpserver: HTTPServer) -> None:
    """Where pages have no address of their own: each says behind which review it begins."""

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
        assert (f"news{news}" in records, runner.said) == (True, [])
        assert len(records) == (21 if news == 0 else 8)
    with runner.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pages").scalar() == 2, "they do not pile up"


@pytest.mark.parametrize("expected", [21, 20])
def test_too_few_are_an_error(runner: CrawlRunner, expected: int) -> None:
    source = runner.site(expected=expected)
    if expected > 20:
        with pytest.raises(InputError, match=r"20 review\(s\) on 5 page\(s\), where 21 are expected"):
            runner.run(source=source)
    else:
        assert len(runner.run(source=source)) == 20


def test_what_is_wrong_with_one_source_keeps_no_other_from_being_read(runner: CrawlRunner, shop: Shop) -> None:
    def sources() -> Sources:
        return Sources([runner.site("broken", expected=99), runner.site("shop")])

    with pytest.raises(InputError, match=r"^source broken: .* 20 review\(s\) .*, where 99 are expected"):
        runner.run(source=sources())
    with runner.store.database.read() as connection:
        held = connection.exec_driver_sql("SELECT source, count(*) FROM texts GROUP BY source ORDER BY 1").all()
    assert held == [("broken", 20), ("shop", 20)]


def test_two_sources_on_one_host_share_its_pace(monkeypatch: pytest.MonkeyPatch, runner: CrawlRunner) -> None:
    waited: list[float] = []
    clock = SimpleNamespace(sleep=waited.append, monotonic=time.monotonic)
    monkeypatch.setattr("pipeline.source.web.fetcher.time", clock)
    fetcher = Fetcher(private=True)
    described = Description([f"{runner.url}/1"], delay_s=7)
    runner.run(source=Sources([Site("a", described, fetcher), Site("b", described, fetcher)]))
    assert len(waited) == 9 and all(5 < one <= 7 for one in waited), "between ten pages"
    assert runner.shop.asked.count("/robots.txt") == 1


def test_a_review_is_prepared_once_and_the_history_is_asked_once_a_page(runner: CrawlRunner) -> None:
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

    site = runner.site()
    history = Asked(runner.store.database, runner.store.runs.start("prod", "test"))
    read = [record for record in site.reviews(history, counted) if isinstance(record, Review)]
    assert sorted(prepared) == sorted(record.external_id for record in read) and len(read) > 10
    assert len(asked) == len(runner.shop.asked) - 1 and sum(asked) == len(read)  # one of them was robots.txt
