"""Sources can't reach private networks, and no server can block a run forever."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Response

from pipeline.errors import InputError, TransientError
from pipeline.source.web.fetcher import Fetcher
from pipeline.source.web.network import is_public

PRIVATE = [
    "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "64:ff9b:1::7f00:1", "fec0::1",
    "::127.0.0.1", "::ffff:0:127.0.0.1", "3fff::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "192.0.0.192", "168.63.129.16", "::ffff:168.63.129.16", "192.88.99.1",
]  # fmt: skip


Fetchers = Callable[..., Fetcher]


@pytest.fixture
def fetchers() -> Iterator[Fetchers]:
    """Makes fetchers, which are closed at teardown."""
    made: list[Fetcher] = []

    def make(*, private: bool = False) -> Fetcher:
        made.append(Fetcher(timeout_s=5, retry_s=0, proxies=False, private=private))
        return made[-1]

    yield make
    for fetcher in made:
        fetcher.__exit__(None, None, None)


@pytest.fixture
def proxy(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """A server that the environment names as proxy."""
    monkeypatch.setenv("http_proxy", httpserver.url_for(""))
    monkeypatch.setenv("no_proxy", "")
    return httpserver


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_recognised_in_every_notation(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_no_ipv6_embedding_makes_a_private_address_public(address: IPv4Address) -> None:
    number = int(address)
    wrapped = [(0xFFFF << 32) | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)]
    assert not any(is_public(str(IPv6Address(one))) for one in wrapped)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "localhost.", "shop.localhost", "nas.local", "2130706433", "0x7f.1", "[::1]", "127.1"],
)
def test_a_private_address_is_rejected_before_any_request(
    host: str, httpserver: HTTPServer, fetchers: Fetchers
) -> None:
    with pytest.raises(InputError, match="lies in a private network; VERBATIMS_PRIVATE_ADDRESSES=true"):
        fetchers().may_read(f"http://{host}:{httpserver.port}/")
    assert httpserver.log == []


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "127.1", "0x7f.1", "0x7f000001", "0177.0.0.1", "10.1", "192.168.257", "3232235777", "127.0.0.1.",
        "127。0。0。1", "１２７.0.0.1", "①②⑦.1", "127.0.0.1%20", "999.1.1.1", "1.2.3.4.5", "0xgg",
        "localhost.localdomain", "intranet", "127.0.0.١", "metadata.google.𝐈nternal", "127.0.0\u00ad.1",
        "168.63.129.16",
    ],
)  # fmt: skip
def test_behind_a_proxy_a_private_address_is_rejected_in_every_notation(host: str, proxy: HTTPServer) -> None:
    """Only the name is known there: the proxy connects, and would parse all of these as private addresses."""
    proxy.expect_request("/robots.txt").respond_with_data("")
    with pytest.raises(InputError), Fetcher(timeout_s=5, retry_s=0) as fetcher:
        fetcher.may_read(f"http://{host}/reviews")
    assert proxy.log == []


@pytest.mark.parametrize(
    "host", ["shop.example", "8.8.8.8", "134744072", "1.example", "xn--caf-dma.example", "café.example"]
)
def test_behind_a_proxy_a_public_host_is_requested(host: str, proxy: HTTPServer) -> None:
    proxy.expect_request("/robots.txt").respond_with_data("User-agent: *\nDisallow: /r")
    with Fetcher(timeout_s=5, retry_s=0) as fetcher:
        assert not fetcher.may_read(f"http://{host}/reviews")
    assert len(proxy.log) == 1


@pytest.mark.parametrize("page", ["/robots.txt", "/reviews"])
@pytest.mark.parametrize(
    "location",
    [
        r"http://169.254.169.254\@shop.example/x", r"http://127.0.0.1\@shop.example/", r"http://localhost\@shop.example/",
        r"http://[::1]\@shop.example/", r"http://169.254.169.254\.shop.example/", r"//169.254.169.254\.x.com/",
        "http://127.0.0.1%5c.x.com/", "http://127.0.0.1/", "http://0x7f.1/", "http://[::ffff:7f00:1]/"
    ],
)  # fmt: skip
def test_behind_a_proxy_no_redirect_reaches_a_private_network(page: str, location: str, proxy: HTTPServer) -> None:
    """Python's host starts after the last @, urllib3's ends at the first backslash: the checked host could differ."""
    proxy.expect_oneshot_request(page).respond_with_data("", 302, {"Location": location})
    proxy.expect_request("/robots.txt").respond_with_data("")
    with suppress(InputError, TransientError), Fetcher(timeout_s=5, retry_s=0) as fetcher:
        fetcher.fetch("http://shop.example/reviews", 0)
    assert {request.headers["Host"] for request, _ in proxy.log} == {"shop.example"}
    assert not any("169" in request.url or "%5C" in request.url for request, _ in proxy.log)


@pytest.mark.parametrize("before", ["", "\ufeff", "\n\ufeff", "# ours\n\ufeff", "\ufeff\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_robots_txt_is_obeyed_in_every_encoding(
    httpserver: HTTPServer, fetchers: Fetchers, encoding: str, before: str
) -> None:
    rules = before + "User-agent: *\nDisallow: /\nCrawl-delay: 0"
    httpserver.expect_request("/robots.txt").respond_with_data(rules.encode(encoding))
    assert not fetchers(private=True).may_read(httpserver.url_for("/reviews"))


def test_a_public_name_with_a_private_address_is_rejected(
    monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer, fetchers: Fetchers
) -> None:
    """Both if the first lookup gives the private address and if only the connection's does (DNS rebinding)."""
    real = socket.getaddrinfo
    inside, outside = ("127.0.0.1", httpserver.port), ("93.184.215.14", httpserver.port)
    for answers in ([inside], [outside, inside]):
        said = iter(answers)

        def resolve(host: str, *rest: object, said: Iterator[tuple[str, int]] = said, **more: object) -> object:
            if host != "shop.example":
                return real(host, *rest, **more)  # type: ignore[arg-type]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", next(said, inside))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(InputError, match=r"^shop\.example lies in a private network"):
            fetchers().may_read(f"http://shop.example:{httpserver.port}/")
    assert httpserver.log == []


def test_a_redirect_of_robots_txt_to_a_private_network_is_rejected(
    httpserver: HTTPServer, fetchers: Fetchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test server's address counts as public here."""
    monkeypatch.setattr("pipeline.source.web.network.is_public", lambda address: address == "127.0.0.1")
    httpserver.expect_request("/robots.txt").respond_with_data("", 301, {"Location": "http://10.0.0.1:9/robots.txt"})
    with pytest.raises(InputError, match=r"^10\.0\.0\.1 lies in a private network"):
        fetchers().may_read(f"http://127.0.0.1:{httpserver.port}/")
    assert len(httpserver.log) == 1


def test_a_redirect_to_a_path_that_robots_txt_forbids_is_not_followed(
    httpserver: HTTPServer, fetchers: Fetchers
) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data("User-agent: *\nDisallow: /b")
    httpserver.expect_request("/a").respond_with_data("", 302, {"Location": "/b"})
    with pytest.raises(InputError, match=r"redirects to .*/b, which robots\.txt forbids"):
        fetchers(private=True).fetch(httpserver.url_for("/a"), 0)
    assert [request.path for request, _ in httpserver.log] == ["/robots.txt", "/a"]


def test_the_crawl_delay_is_kept_between_pages_and_retries(
    httpserver: HTTPServer, fetchers: Fetchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(
        "pipeline.source.web.fetcher.time", SimpleNamespace(sleep=waited.append, monotonic=time.monotonic)
    )
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=waited.append, time=time.time))
    httpserver.expect_request("/robots.txt").respond_with_data("User-agent: *\nCrawl-delay: 5")
    answers = [Response("a"), Response("", 503), Response("", 503, {"Retry-After": "0"}), Response("b")]
    httpserver.expect_request("/a").respond_with_handler(lambda _: answers.pop(0))
    fetcher = fetchers(private=True)
    assert [fetcher.fetch(httpserver.url_for("/a"), 0.1).body for _ in range(2)] == [b"a", b"b"]
    assert len(waited) == 3 and all(4 < one <= 5 for one in waited)


def test_no_password_from_netrc_is_sent(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login me password geheim\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    httpserver.expect_request("/robots.txt").respond_with_data("", 404)
    httpserver.expect_request("/a").respond_with_data("a")
    with Fetcher(private=True) as fetcher:  # uses the machine's proxy settings, like a run
        assert fetcher.fetch(httpserver.url_for("/a"), 0).body == b"a"
    assert len(httpserver.log) == 2 and not any("Authorization" in request.headers for request, _ in httpserver.log)


def test_the_body_of_a_redirect_is_not_read(httpserver: HTTPServer, fetchers: Fetchers) -> None:
    import resource

    bomb = gzip.compress(bytes(600_000_000), 1)
    headers = {"Content-Encoding": "gzip", "Location": "/b"}
    httpserver.expect_request("/robots.txt").respond_with_response(Response(bomb, 302, headers))
    httpserver.expect_request("/b").respond_with_data("", 404)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fetchers(private=True).may_read(httpserver.url_for("/a"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000, "kilobytes"


def test_endless_redirects_are_an_error(httpserver: HTTPServer, fetchers: Fetchers) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data("", 404)
    httpserver.expect_request("/round").respond_with_data("", 302, {"Location": "/round"})
    with pytest.raises(InputError, match="redirects without end"):
        fetchers(private=True).fetch(httpserver.url_for("/round"), 0)
    assert len(httpserver.log) < 10


def test_a_page_that_unpacks_beyond_the_limit_is_an_error(httpserver: HTTPServer, fetchers: Fetchers) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data("", 404)
    bomb = Response(gzip.compress(bytes(200_000_000)), headers={"Content-Encoding": "gzip"})
    httpserver.expect_request("/bomb").respond_with_response(bomb)
    with pytest.raises(InputError, match="over 5 MB"):
        fetchers(private=True).fetch(httpserver.url_for("/bomb"), 0)


def test_only_the_first_500_kb_of_robots_txt_are_read(httpserver: HTTPServer, fetchers: Fetchers) -> None:
    rules = "User-agent: *\nDisallow: /\n" + "# more\n" * 200_000
    httpserver.expect_request("/robots.txt").respond_with_data(rules)
    assert not fetchers(private=True).may_read(httpserver.url_for("/1"))


@contextmanager
def answering(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request and then calls `speak` with the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)
                        speak(connection)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        listening.shutdown(socket.SHUT_RDWR)


def test_endless_headers_are_an_outage(monkeypatch: pytest.MonkeyPatch, fetchers: Fetchers) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(10_000):
            connection.sendall(b"X-%d: a\r\n" % (number % 50))
            threading.Event().wait(0.02)

    monkeypatch.setattr("pipeline.source.web.network.MAX_HEAD_S", 0.1)
    monkeypatch.setattr("http.client._MAXHEADERS", 1_000_000)
    with answering(drip) as url, pytest.raises(TransientError, match="no answer"):
        fetchers(private=True).may_read(url)


def test_an_endless_body_is_an_outage(monkeypatch: pytest.MonkeyPatch, fetchers: Fetchers) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(10_000):
            connection.sendall(b"# a\n")
            threading.Event().wait(0.02)

    monkeypatch.setattr("pipeline.source.web.fetcher.MAX_PAGE_S", 0.1)
    with answering(drip) as url, pytest.raises(TransientError, match="not complete after"):
        fetchers(private=True).may_read(url)


def test_a_response_that_is_not_http_is_an_outage_and_is_not_logged(
    fetchers: Fetchers, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        answering(lambda connection: connection.sendall(b"\0\1\2 not http\r\n\r\n")) as url,
        pytest.raises(TransientError, match="no answer"),
    ):
        fetchers(private=True).may_read(url)
    assert caplog.records == []
