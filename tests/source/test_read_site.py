"""A site is read to its last page by the rules of robots.txt, and a message names what ends the crawl."""

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


def ids_and_problems(records: list[Review | BrokenRecord]) -> list[str]:
    return [record.problem if isinstance(record, BrokenRecord) else record.external_id for record in records]


def test_pages_are_followed_to_the_last(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/avis?page=1": html("a", "b", onward="?page=2"), "/avis?page=2": html("c")})
    records = read(httpserver, "/avis?page=1")
    assert records[2] == Review("boutique", "c", "Avis c", 3)
    assert ids_and_problems(records) == ["a", "b", "c"]


def test_a_loop_of_pages_ends_the_crawl(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2"), "/2": html("b", onward="/1#top")})
    assert ids_and_problems(read(httpserver)) == ["a", "b"]


def test_requests_have_our_user_agent(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a")})
    read(httpserver)
    assert all(request.headers["User-Agent"].startswith("verbatims") for request, _ in httpserver.log)


def test_a_link_to_another_host_is_not_followed(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="http://other.invalid/2")})
    assert ids_and_problems(read(httpserver)) == ["a", "the next page is on another host; reading ends here"]


def test_a_first_page_that_robots_txt_forbids_is_not_read(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a")}, robots="User-agent: *\nDisallow: /")
    with pytest.raises(InputError, match=r"robots\.txt forbids"):
        read(httpserver)
    assert len(httpserver.log) == 1


def test_a_later_page_that_robots_txt_forbids_ends_the_crawl(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2")}, robots="User-agent: verbatims\nDisallow: /2")
    assert ids_and_problems(read(httpserver)) == ["a", "robots.txt forbids the next page; reading ends here"]


def test_an_excessive_crawl_delay_is_rejected(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a")}, robots="User-agent: *\nCrawl-delay: 86400")
    with pytest.raises(InputError, match="too slow"):
        read(httpserver)


def test_an_unreadable_robots_txt_stops_the_crawl(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data("", status=500)
    with pytest.raises(TransientError, match="without its rules"):
        read(httpserver)


def test_a_page_is_retried_after_a_503(httpserver: HTTPServer) -> None:
    answers = [Response("", 503, {"Retry-After": "0"}), Response(html("a"))]
    serve(httpserver, {})
    httpserver.expect_request("/1").respond_with_handler(lambda _request: answers.pop(0))
    assert ids_and_problems(read(httpserver)) == ["a"]


def test_an_outage_stops_the_crawl_and_shows_no_secret(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2?token=geheim&page=2")})
    httpserver.expect_request("/2").respond_with_data("", status=503)
    with pytest.raises(TransientError, match=r"/2\?token=\*\*\*&page=2: answers 503; try later") as stopped:
        read(httpserver)
    assert "geheim" not in str(stopped.value)


def test_a_refused_connection_is_an_outage() -> None:
    with pytest.raises(TransientError, match=r"^http://127\.0\.0\.1:9/robots\.txt: no answer"):
        list(site("http://jean:geheim@127.0.0.1:9/avis").reviews())


def test_a_wrong_address_is_an_input_error(httpserver: HTTPServer) -> None:
    serve(httpserver, {})
    httpserver.expect_request("/1").respond_with_data("", status=404)
    with pytest.raises(InputError, match="/1: answers 404; check the address"):
        read(httpserver)


def test_a_missing_later_page_stops_the_crawl(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", onward="/2")})
    httpserver.expect_request("/2").respond_with_data("", status=404)
    with pytest.raises(TransientError):
        read(httpserver)


def test_a_site_without_reviews_is_an_error(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": "<p>Bientôt des avis</p>"})
    with pytest.raises(InputError, match=r"/1: no review\(s\) on 1 page\(s\) \(no schema\.org data\); is this"):
        read(httpserver)


def test_a_page_beyond_the_size_limit_is_an_error(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": "a" * 5_000_001})
    with pytest.raises(InputError, match="over 5 MB"):
        read(httpserver)


def test_only_redirects_within_the_host_are_followed(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/deux/": html("a", onward="../3"), "/3": html("b")})
    httpserver.expect_request("/1").respond_with_data("", status=301, headers={"Location": "/deux/"})
    httpserver.expect_request("/9").respond_with_data("", status=301, headers={"Location": "http://other.invalid/"})
    assert ids_and_problems(read(httpserver)) == ["a", "b"]
    with pytest.raises(InputError, match=r"redirects to http://other\.invalid/"):
        read(httpserver, "/9")


def test_the_same_review_repeated_on_several_pages_counts_once(httpserver: HTTPServer) -> None:
    serve(httpserver, {"/1": html("a", "b", onward="/2"), "/2": html("a", "c")})
    assert ids_and_problems(read(httpserver)) == ["a", "b", "c"]


def said(*texts: str, url: str, onward: str = "") -> str:
    """A page whose reviews all have one address, as those of many shops."""
    reviews = [{"@type": "Review", "url": url, "reviewBody": text} for text in texts]
    link = f'<a rel="next" href="{onward}">' if onward else ""
    return f'<script type="application/ld+json">{json.dumps(reviews)}</script>{link}'


def ids_by_text(server: HTTPServer) -> dict[str, str]:
    """The id of each review, without the digits of a hash; reading the site again gives the same."""
    records, again = read(server), read(server)
    assert records == again
    return {one.text: one.external_id.partition(":")[0] for one in records if isinstance(one, Review)}


def test_an_id_that_reviews_of_one_page_share_is_none(httpserver: HTTPServer) -> None:
    serve(httpserver, {
        "/1": said("Bien", "Cher", "Lent", url="/semelle#tab", onward="/2"), "/2": said("Bon", url="/semelle#tab"),
    })  # fmt: skip
    assert ids_by_text(httpserver) == dict.fromkeys(["Bien", "Cher", "Lent", "Bon"], "sha256")


def test_the_first_review_keeps_an_id_that_a_later_page_repeats(httpserver: HTTPServer) -> None:
    serve(httpserver, {
        "/1": said("Bien", url="/semelle#tab", onward="/2"), "/2": said("Cher", url="/semelle#tab", onward="/3"),
        "/3": said("Bien", url="/semelle#tab", onward="/4"), "/4": said("Lent", url="/semelle#tab"),
    })  # fmt: skip
    assert ids_by_text(httpserver) == {"Bien": "/semelle#tab", "Cher": "sha256", "Lent": "sha256"}


@pytest.mark.parametrize(("url", "kept"), [
    ("/1", False), ("/1#tab", False), ("/1/?page=2#tab", False), ("/1?avis=12", True), ("/1/avis-12", True),
])  # fmt: skip
def test_the_address_of_the_page_is_no_id(httpserver: HTTPServer, url: str, kept: bool) -> None:
    serve(httpserver, {"/1?page=2": said("Bien", url=url)})
    [review] = read(httpserver, "/1?page=2")
    assert isinstance(review, Review) and (review.external_id == url) is kept


def test_endless_pages_are_cut_and_reported(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def page(request: Request) -> Response:
        number = int(request.path.rpartition("/")[2])
        return Response(html(str(number), onward=f"/p/{number + 1}"))

    monkeypatch.setattr("pipeline.source.web.crawler.MAX_PAGES", 3)
    serve(httpserver, {})
    for number in range(1, 6):
        httpserver.expect_request(f"/p/{number}").respond_with_handler(page)
    assert ids_and_problems(read(httpserver, "/p/1")) == [
        "1",
        "2",
        "3",
        "there are more than 3 pages; reading ends here",
    ]


@pytest.mark.parametrize("url", ["", "avis", "ftp://x.fr", "http://", "http://[", "http://x.fr:port/"])
def test_an_invalid_address_is_rejected_at_construction(url: str) -> None:
    with pytest.raises(InputError, match="not the address of a web page"):
        site(url)
