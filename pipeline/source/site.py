"""A site with numbered pages, read as a guest: robots.txt first, one page at a time, no further than its host."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import requests
import urllib3
from protego import Protego
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from pipeline.errors import InputError, Stopped
from pipeline.records import BrokenRecord, Review
from pipeline.source.fields import ContentIds
from pipeline.source.found import Found
from pipeline.source.page import parse

USER_AGENT = "verbatims (reads published customer reviews; obeys robots.txt)"
ROBOT = "verbatims"
"""The name robots.txt may address."""

MAX_PAGES = 1000
"""Of one site in one run: a calendar or a session number in the address can go on for ever."""

MAX_BYTES = 5_000_000
"""Of one page, unpacked. Pages of reviews seen have under one million."""

MAX_ROBOTS_BYTES = 500_000
"""What RFC 9309 asks a crawler to read at least."""

MAX_CRAWL_DELAY_S = 300.0
"""A site that asks for more does not want to be read by a nightly job."""

MAX_RETRY_AFTER_S = 60
"""Longer outages are for the next run of the schedule, not for this one."""

MAX_PAGE_S = 120.0
"""From the request to the last byte: a server may send one byte within each read timeout."""

_HARMLESS = frozenset({"page", "p", "pg", "offset", "start", "limit", "sort"})


class Site:
    """The reviews of a page and of those that follow it by `rel=next`, until the last.

    `delay_s` lies between two pages, unless robots.txt asks for more, and is the unit of the waiting before a retry.
    `proxies`: whether the machine's proxy settings count.
    """

    def __init__(
        self,
        url: str,
        source: str | None = None,
        delay_s: float = 0.5,
        timeout_s: float = 10.0,
        *,
        proxies: bool = True,
    ) -> None:
        try:
            parts = urlsplit(url.strip())
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            raise InputError("not the address of a web page; it starts with http:// or https:// and names a host")
        self.name = shown(url)
        self.guesses: list[str] = []
        self._url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
        self._source = (source or host)[:100]
        self._delay_s, self._timeout_s = delay_s, timeout_s
        self._proxies = proxies

    def reviews(self) -> Iterator[Review | BrokenRecord]:
        """Positions run over all pages. Raises InputError where nothing is found, Stopped where the site fails."""
        with self._session() as session:
            yield from _Visit(session, self._url, self._source, self._delay_s, self._timeout_s).reviews()

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = self._proxies
        session.headers["User-Agent"] = USER_AGENT
        retry = Retry(
            total=4,
            backoff_factor=self._delay_s,
            backoff_max=30,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods={"GET"},
            raise_on_status=False,
            retry_after_max=MAX_RETRY_AFTER_S,
        )
        session.mount("http://", HTTPAdapter(max_retries=retry))
        session.mount("https://", HTTPAdapter(max_retries=retry))
        return session


class _Visit:
    """One way through a site."""

    def __init__(self, session: requests.Session, url: str, source: str, delay_s: float, timeout_s: float) -> None:
        self._session, self._first, self._source = session, url, source
        self._delay_s, self._timeout = delay_s, (timeout_s, timeout_s)
        self._visited: set[str] = set()
        self._position = 0
        self._content_ids = ContentIds()
        self._texts: dict[str, bytes] = {}
        self._found = 0

    def reviews(self) -> Iterator[Review | BrokenRecord]:
        self._obey(self._robots())
        url: str | None = self._first
        while url is not None:
            if self._visited:
                time.sleep(self._delay_s)
            self._visited.add(url)
            page = parse(*self._fetch(url))
            for found in page.reviews:
                yield from self._review(found)
            for problem in page.problems:
                yield self._broken(problem)
            url, problem_ahead = self._onward(page.next_url)
            if problem_ahead:
                yield self._broken(problem_ahead)
        if not self._found:
            raise InputError(
                f"{shown(self._first)}: no schema.org Review in JSON-LD on {len(self._visited)} page(s); "
                "is this the address of the reviews?"
            )

    def _review(self, found: Found) -> Iterator[Review | BrokenRecord]:
        external_id = found.external_id or self._content_ids.give(
            self._source, found.text, found.rating, found.written_at, found.language
        )
        digest = hashlib.sha256(found.text.encode()).digest()[:16]
        known = self._texts.setdefault(external_id, digest)
        if known is not digest:
            if known != digest:  # else it is the review of the week, which stands on every page
                yield self._broken("the id of an earlier review with another text")
            return
        self._position += 1
        self._found += 1
        yield Review(
            self._source, external_id, found.text, self._position, found.url, found.rating, found.language,
            found.written_at,
        )  # fmt: skip

    def _broken(self, problem: str) -> BrokenRecord:
        self._position += 1
        return BrokenRecord(self._position, problem)

    def _onward(self, url: str | None) -> tuple[str | None, str | None]:
        """The next page to read, or why reading ends before the last one."""
        if url is None or url in self._visited:
            return None, None
        if _host(url) != _host(self._first):
            return None, "the next page is on another host; reading ends here"
        if not self._allowed.can_fetch(url, ROBOT):
            return None, "robots.txt forbids the next page; reading ends here"
        if len(self._visited) == MAX_PAGES:
            return None, f"there are more than {MAX_PAGES} pages; reading ends here"
        return url, None

    def _robots(self) -> Protego:
        url = urljoin(self._first, "/robots.txt")
        response = self._get(url, redirects=True)
        with response:
            if response.status_code >= 500 or response.status_code == 429:
                raise InputError(
                    f"{shown(url)}: answers {response.status_code}; without its rules a site may not be read; try later"
                )
            # RFC 9309: no file, no rules
            text = _body(response, url, MAX_ROBOTS_BYTES) if response.ok else b""
        return Protego.parse((text or b"").decode("utf-8", "replace"))

    def _obey(self, robots: Protego) -> None:
        self._allowed = robots
        if not robots.can_fetch(self._first, ROBOT):
            raise InputError(f"{shown(self._first)}: robots.txt forbids reading it; ask the site's owner")
        asked = robots.crawl_delay(ROBOT) or 0.0
        if not asked <= MAX_CRAWL_DELAY_S:
            raise InputError(f"{shown(self._first)}: robots.txt asks for {asked:g} s between pages; that is too slow")
        self._delay_s = max(self._delay_s, asked)

    def _fetch(self, url: str) -> tuple[bytes, str]:
        """A page's bytes and where they were in the end: redirects within the host are followed."""
        asked = url
        for _ in range(6):
            with self._get(url, redirects=False) as response:
                if not response.is_redirect:
                    return self._content(response, url), url
                url = self._redirected(url, response.headers["location"])
            self._visited.add(url)
        raise self._failure(f"{shown(asked)}: redirects without end; open it in a browser")

    def _redirected(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        if _host(target) != _host(self._first):
            raise self._failure(f"{shown(url)}: redirects to {shown(target)}; if that is right, give that address")
        if not self._allowed.can_fetch(target, ROBOT):
            raise self._failure(f"{shown(url)}: redirects to {shown(target)}, which robots.txt forbids")
        return target

    def _content(self, response: requests.Response, url: str) -> bytes:
        status = response.status_code
        if status >= 500 or status == 429:
            raise Stopped(f"{shown(url)}: answers {status}; try later, the same command goes on")
        if not response.ok:
            raise self._failure(f"{shown(url)}: answers {status}; check the address in a browser")
        body = _body(response, url, MAX_BYTES)
        if body is None:
            raise self._failure(f"{shown(url)}: over {MAX_BYTES // 1_000_000} MB, that is no page of reviews")
        return body

    def _failure(self, message: str) -> InputError | Stopped:
        """On the first page the address is wrong; later, the site."""
        return Stopped(message) if self._found else InputError(message)

    def _get(self, url: str, *, redirects: bool) -> requests.Response:
        try:
            return self._session.get(url, timeout=self._timeout, stream=True, allow_redirects=redirects)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise _outage(url, error) from error


def _body(response: requests.Response, url: str, limit: int) -> bytes | None:
    """The unpacked body, or None over the limit."""
    body, end = bytearray(), time.monotonic() + MAX_PAGE_S
    try:
        while chunk := response.raw.read1(65_536, decode_content=True):
            body += chunk
            if len(body) > limit:
                return None
            if time.monotonic() > end:
                raise Stopped(f"{shown(url)}: not complete after {MAX_PAGE_S:g} s; try later, the same command goes on")
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _outage(url, error) from error
    return bytes(body)


def _outage(url: str, error: Exception) -> Stopped:
    return Stopped(f"{shown(url)}: no answer ({type(error).__name__}); try later, the same command goes on")


def _host(url: str) -> tuple[str | None, int]:
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)
    except ValueError:
        return None, 0


def shown(url: str) -> str:
    """An address for messages: without user and password, and only with those parameters that count pages."""
    try:
        parts = urlsplit(url.strip())
        query = [(key, value if key.lower() in _HARMLESS else "***") for key, value in parse_qsl(parts.query)]
    except ValueError:
        return "the address"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="*"), ""))
