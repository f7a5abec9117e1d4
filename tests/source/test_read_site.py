"""A site is read politely, to its last page, and a message says what stops the reading."""

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from pipeline.errors import InputError, TransientError
from pipeline.records import BrokenRecord, Review
from pipeline.source.web.description import Description
from pipeline.source.web.fetcher import Fetcher
from pipeline.source.web.site import Site


def html(*names: str, onward: str = "", **more: str) -> str:
    reviews = [{"@type": "Review", "identifier": name, "reviewBody": f"Avis {name}", **more} for name in names]
    link = f'<a rel="next" href="{onward}">' if onward else ""
    return f'<script type="application/ld+json">{json.dumps(reviews)}</script>{link}'


def serve(server: HTTPServer, pages: dict[str, str], robots: str | None = None) -> None:
    if robots is not None:
        server.expect_request("/robots.txt").respond_with_data(robots)
    else:
        server.expect_request("/robots.txt").respond_with_data("", status=404)
    for path, page in pages.items():
        address, _, query = path.partition("?")
        server.expect_request(address, query_string=query).respond_with_data(page, content_type="text/html")


def read(server: HTTPServer, path: str = "/1") -> list[Review | BrokenRecord]:
    return list(site(server.url_for(path)).reviews())


def site(*urls: str, **more: Any) -> Site:
    return Site("boutique", Description(urls, delay_s=0, **more), Fetcher(timeout_s=2, retry_s=0, private=True))


def told(records: list[Review | BrokenRecord]) -> list[str]:
    return [record.problem if isinstance(record, BrokenRecord) else record.external_id for record in records]


def test_pages_are_followed_to_the_last(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/avis?page=1": html("a", "b", onward="?page=2"), "/avis?page=2": html("c")})
    records = read(httpserver, "/avis?page=1")
    assert records[2] == Review("boutique", "c", "Avis c", 3)
    assert told(records) == ["a", "b", "c"]


def test_a_loop_of_pages_ends(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2"), "/2": html("b", onward="/1#top")})
    assert told(read(httpserver)) == ["a", "b"]


def test_the_reader_names_itself(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a")})
    read(httpserver)
    assert all(request.headers["User-Agent"].startswith("verbatims") for request, _ in httpserver.log)


def test_another_host_is_not_entered(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="http://other.invalid/2")})
    assert told(read(httpserver)) == ["a", "the next page is on another host; reading ends here"]


def test_robots_may_forbid_the_first_page(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a")}, robots="User-agent: *\nDisallow: /")
    with pytest.raises(InputError, match=r"robots\.txt forbids"):
        read(httpserver)
    assert len(httpserver.log) == 1


def test_robots_may_forbid_a_later_page(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2")}, robots="User-agent: verbatims\nDisallow: /2")
    assert told(read(httpserver)) == ["a", "robots.txt forbids the next page; reading ends here"]


def test_a_crawl_delay_without_measure_is_refused(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a")}, robots="User-agent: *\nCrawl-delay: 86400")
    with pytest.raises(InputError, match="too slow"):
        read(httpserver)


def test_rules_that_cannot_be_read_forbid(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data("", status=500)
    with pytest.raises(TransientError, match="without its rules"):
        read(httpserver)


def test_a_moment_of_overload_is_waited_out(httpserver: HTTPServer) -> None:
    answers = [Response("", 503, {"Retry-After": "0"}), Response(html("a"))]
    serve(httpserver, {})
    httpserver.expect_request("/1").respond_with_handler(lambda _request: answers.pop(0))
    assert told(read(httpserver)) == ["a"]


def test_an_outage_stops_the_reading_and_tells_no_secret(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2?token=geheim&page=2")})
    httpserver.expect_request("/2").respond_with_data("", status=503)
    with pytest.raises(TransientError, match=r"/2\?token=\*\*\*&page=2: answers 503; try later") as stopped:
        read(httpserver)
    assert "geheim" not in str(stopped.value)


def test_a_refused_connection_is_an_outage() -> None:
    with pytest.raises(TransientError, match=r"^http://127\.0\.0\.1:9/robots\.txt: no answer"):
        list(site("http://jean:geheim@127.0.0.1:9/avis").reviews())


def test_a_wrong_address_is_an_error_of_input(httpserver: HTTPServer) -> None:
    serve(httpserver, {})
    httpserver.expect_request("/1").respond_with_data("", status=404)
    with pytest.raises(InputError, match="/1: answers 404; check the address"):
        read(httpserver)


def test_a_page_that_vanishes_on_the_way_stops_the_reading(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2")})
    httpserver.expect_request("/2").respond_with_data("", status=404)
    with pytest.raises(TransientError):
        read(httpserver)


def test_no_review_at_all_is_a_failure(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": "<p>Bientôt des avis</p>"})
    with pytest.raises(InputError, match=r"/1: no review\(s\) on 1 page\(s\) \(no schema\.org data\); is this"):
        read(httpserver)


def test_an_endless_page_is_given_up(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": "a" * 5_000_001})
    with pytest.raises(InputError, match="over 5 MB"):
        read(httpserver)


def test_redirects_stay_on_the_host(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/deux/": html("a", onward="../3"), "/3": html("b")})
    httpserver.expect_request("/1").respond_with_data("", status=301, headers={"Location": "/deux/"})
    httpserver.expect_request("/9").respond_with_data("", status=301, headers={"Location": "http://other.invalid/"})
    assert told(read(httpserver)) == ["a", "b"]
    with pytest.raises(InputError, match=r"redirects to http://other\.invalid/"):
        read(httpserver, "/9")


def test_a_review_that_stands_on_every_page_counts_once(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", "b", onward="/2"), "/2": html("a", "c")})
    assert told(read(httpserver)) == ["a", "b", "c"]


def test_one_id_for_two_texts_is_broken(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2"), "/2": html("a", reviewBody="Un autre")})
    assert told(read(httpserver)) == ["a", "the id of an earlier review with another text"]


def test_pages_without_end_are_cut_aloud(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def page(request: Request) -> Response:
        number = int(request.path.rpartition("/")[2])
        return Response(html(str(number), onward=f"/p/{number + 1}"))

    monkeypatch.setattr("pipeline.source.web.crawler.MAX_PAGES", 3)
    serve(httpserver, {})
    for number in range(1, 6):
        httpserver.expect_request(f"/p/{number}").respond_with_handler(page)
    assert told(read(httpserver, "/p/1")) == ["1", "2", "3", "there are more than 3 pages; reading ends here"]


@pytest.mark.parametrize("url", ["", "avis", "ftp://x.fr", "http://", "http://[", "http://x.fr:port/"])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(InputError, match="not the address of a web page"):
        site(url)
