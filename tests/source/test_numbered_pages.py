"""Numbered pages end after the last page with a review; a temporarily missing page does not end them."""

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline.records import Review
from pipeline.source.web.description import Description
from pipeline.source.web.fetcher import Fetcher
from pipeline.source.web.site import Site
from source.shop import CrawlRunner

Answers = list[str | int]


class Forum:
    """Numbered pages set by the test: names of reviews, a status, or other text."""

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
def test_two_pages_without_a_review_end_numbered_pages(forum: Forum, last: str | int) -> None:
    forum.pages = ["a b", "c", last, last]
    assert forum.read() == (["a", "b", "c"], []) and forum.asked == [1, 2, 3, 4]


def test_a_repeated_last_page_ends_numbered_pages(forum: Forum) -> None:
    forum.pages = ["a b", "c", "c", "c"]
    assert forum.read() == (["a", "b", "c"], []) and forum.asked == [1, 2, 3]


@pytest.mark.parametrize("moment", [404, ""])
def test_a_temporarily_missing_page_does_not_end_the_crawl_and_is_read_later(
    forum: Forum, runner: CrawlRunner, moment: str | int
) -> None:
    forum.pages = ["a", "b", moment, "d"]
    assert runner.run(source=forum.site()) == ["a", "b", "d"]
    forum.pages = ["a", "b", "c", "d"]
    assert runner.run(source=forum.site()) == ["a", "b", "c", "d"]
    assert runner.run(source=forum.site()) == ["a"], "the crawl is complete, so the first page is enough"


def test_pages_that_shift_during_a_crawl_do_not_end_it(forum: Forum) -> None:
    forum.pages = ["a b", "b a", "c d", "e"]
    assert forum.read()[0] == ["a", "b", "c", "d", "e"]


def test_a_page_with_only_broken_reviews_does_not_end_the_crawl(forum: Forum) -> None:
    forum.pages = ["a", "-1 -2", "b"]
    assert forum.read()[0] == ["a", "no text", "no text", "b"]


def test_a_first_page_without_reviews_is_reported(forum: Forum) -> None:
    forum.pages = ["", "b"]
    read, said = forum.read()
    assert read == ["b"] and said == [f"{forum.url.replace('{page}', '1')} holds no review: {NOTHING_FOUND}"]


NOTHING_FOUND = 'nothing that the selector ".avis" finds'
