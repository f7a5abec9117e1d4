"""Fetches pages: obeys robots.txt and delays, limits size and time, refuses private addresses."""

from __future__ import annotations

import logging
import time
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from protego import Protego
from urllib3.util.retry import Retry

from pipeline.errors import InputError, TransientError
from pipeline.source.address import checked, host_of, shown
from pipeline.source.web.network import Anywhere, PublicOnly, refuse_private

USER_AGENT = "verbatims (reads published customer reviews; obeys robots.txt)"
ROBOT = "verbatims"
"""The user agent that rules in robots.txt may name."""

MAX_BYTES = 5_000_000
"""Size of one page, unpacked. All pages of reviews seen are below 1 MB."""

MAX_ROBOTS_BYTES = 500_000
"""RFC 9309 asks crawlers to read at least 500 KiB."""

MAX_CRAWL_DELAY_S = 300.0
"""A longer delay is refused: a nightly run could not read many pages."""

MAX_RETRY_AFTER_S = 60
"""After a longer outage the next scheduled run tries again."""

MAX_PAGE_S = 120.0
"""From the request to the last byte. The read timeout alone never ends a server that sends byte by byte."""

MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The response to a request for a page."""

    url: str
    """The address after redirects."""
    status: int
    body: bytes = b""
    """Empty unless the status is 2xx."""
    etag: str | None = None
    last_modified: str | None = None


@dataclass(slots=True)
class _Host:
    """The rules of a host, and when it was last requested."""

    rules: Protego
    delay_s: float
    requested_at: float = 0.0


class Fetcher:
    """Fetches from any number of hosts. Sources that share a fetcher share the delay between requests to a host.

    `retry_s` is the backoff factor of retries. `proxies`: whether proxy settings of the environment are used.
    `private`: whether private addresses may be read.
    """

    def __init__(
        self, *, timeout_s: float = 10.0, retry_s: float = 0.5, proxies: bool = True, private: bool = False
    ) -> None:
        self._timeout = (timeout_s, timeout_s)
        self._retry_s, self._proxies, self._private = retry_s, proxies, private
        self._session: requests.Session | None = None
        self._hosts: dict[tuple[str | None, int], _Host] = {}

    def may_read(self, url: str) -> bool:
        """Whether the robots.txt of its host allows an address. Raises as `read` does."""
        return self._host(url).rules.can_fetch(url, ROBOT)

    def fetch(
        self, url: str, delay_s: float, etag: str | None = None, last_modified: str | None = None
    ) -> HttpResponse:
        """A page, after redirects within its host. Status 304 if it has not changed since that ETag or date.

        `delay_s` is the time between two requests to a host, unless robots.txt asks for more.
        Raises InputError where a retry would not help, TransientError for an outage.
        """
        first, headers = url, _conditional(etag, last_modified)
        for _ in range(MAX_REDIRECTS + 1):
            self._wait(url, delay_s)
            with self._get(url, headers) as response:
                if not response.is_redirect:
                    return _response(response, url)
                url = self._redirected(url, response.headers["location"])
        raise InputError(f"{shown(first)}: redirects without end; open it in a browser")

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close connections. Rules and times of the last requests are kept for the next crawl."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def _redirected(self, url: str, location: str) -> str:
        target = _target(url, location)
        if host_of(target) != host_of(url):
            raise InputError(f"{shown(url)}: redirects to {shown(target)}; if that is right, give that address")
        if not self.may_read(target):
            raise InputError(f"{shown(url)}: redirects to {shown(target)}, which robots.txt forbids")
        return target

    def _wait(self, url: str, delay_s: float) -> None:
        host = self._host(url)
        wait_s = host.requested_at + max(host.delay_s, delay_s) - time.monotonic()
        if host.requested_at and wait_s > 0:
            time.sleep(wait_s)
        host.requested_at = time.monotonic()

    def _host(self, url: str) -> _Host:
        key = host_of(url)
        if key not in self._hosts:
            rules = self._robots(url)
            host = self._hosts[key] = _Host(rules, _crawl_delay(rules, url))
            self._mount(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}", host.delay_s)
        return self._hosts[key]

    def _robots(self, page: str) -> Protego:
        """The rules of a host. RFC 9309: redirects may lead to any host, and a missing file allows everything."""
        url = urljoin(page, "/robots.txt")
        for _ in range(MAX_REDIRECTS + 1):
            with self._get(url, {}) as response:
                if response.is_redirect:
                    url = _target(url, response.headers["location"])
                    continue
                # RFC 9309: while the file cannot be reached, nothing may be crawled
                if response.status_code >= 500 or response.status_code == 429:
                    raise TransientError(
                        f"{shown(url)}: answers {response.status_code}; without its rules a site may not be read; "
                        "try later, the same command goes on"
                    )
                body = _body(response, url, MAX_ROBOTS_BYTES) if response.ok else b""
                return Protego.parse(_robots_text(body))
        return Protego.parse("")

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        if not self._private:
            refuse_private(url)
        self._session = self._session or self._new_session()
        try:
            return self._session.get(url, headers=headers, timeout=self._timeout, stream=True, allow_redirects=False)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise _outage(url, error) from error

    def _new_session(self) -> requests.Session:
        # urllib3 logs server data and whole addresses, which may hold tokens, at every retry
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        session = _Session()
        session.trust_env = self._proxies
        # an auth that adds nothing: without one, requests sends the passwords in .netrc
        session.auth = lambda request: request
        session.headers["User-Agent"] = USER_AGENT
        kind = Anywhere if self._private else PublicOnly
        for scheme in ("http://", "https://"):
            session.mount(scheme, kind(max_retries=self._retry()))
        return session

    def _mount(self, prefix: str, delay_s: float) -> None:
        """Retries to this host keep its crawl delay too."""
        self._session = self._session or self._new_session()
        kind = Anywhere if self._private else PublicOnly
        self._session.mount(prefix, kind(max_retries=self._retry(delay_s)))

    def _retry(self, delay_s: float = 0.0) -> Retry:
        retry = _DelayedRetry(
            total=4,
            backoff_factor=self._retry_s,
            backoff_max=30,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods={"GET"},
            raise_on_status=False,
            retry_after_max=MAX_RETRY_AFTER_S,
        )
        retry.delay_s = delay_s
        return retry


class _Session(requests.Session):
    """Leaves redirects to the caller: requests would read the whole body of each, of any size."""

    def resolve_redirects(self, *arguments: Any, **options: Any) -> Any:
        return iter(())


class _DelayedRetry(Retry):
    delay_s = 0.0
    """Minimum between two tries."""

    def new(self, **changed: Any) -> _DelayedRetry:
        # urllib3 makes a new object for each try and copies only its own attributes
        retry = super().new(**changed)
        retry.delay_s = self.delay_s
        return retry

    def get_backoff_time(self) -> float:
        return max(super().get_backoff_time(), self.delay_s)

    def get_retry_after(self, response: Any) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else max(asked, self.delay_s)


def _target(url: str, location: str) -> str:
    """The target of a redirect. Raises InputError for a host that Python and urllib3 would parse differently."""
    try:
        return checked(urljoin(url, location))
    except (InputError, ValueError):
        raise InputError(f"{shown(url)}: redirects to an invalid address") from None


def _robots_text(body: bytes) -> str:
    """RFC 9309 asks for UTF-8, but some editors add a byte order mark, which would hide the rule after it."""
    marks = {BOM_UTF32_LE: "utf-32", BOM_UTF32_BE: "utf-32", BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16"}
    encoding = next((encoding for mark, encoding in marks.items() if body.startswith(mark)), "utf-8")
    return body.decode(encoding, "replace").replace("\ufeff", "")


def _crawl_delay(rules: Protego, url: str) -> float:
    asked = float(rules.crawl_delay(ROBOT) or 0.0)
    if not asked <= MAX_CRAWL_DELAY_S:  # this form refuses NaN too
        raise InputError(f"{shown(url)}: robots.txt asks for {asked:g} s between pages; that is too slow")
    return asked


def _conditional(etag: str | None, last_modified: str | None) -> dict[str, str]:
    headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {name: value for name, value in headers.items() if value}


def _response(response: requests.Response, url: str) -> HttpResponse:
    status = response.status_code
    if status >= 500 or status == 429:
        raise TransientError(f"{shown(url)}: answers {status}; try later, the same command goes on")
    if not response.ok or status == 304:
        return HttpResponse(url, status)
    body = _body(response, url, MAX_BYTES)
    if len(body) > MAX_BYTES:
        raise InputError(f"{shown(url)}: over {MAX_BYTES // 1_000_000} MB, that is no page of reviews")
    headers: Any = response.headers
    return HttpResponse(url, status, body, headers.get("etag"), headers.get("last-modified"))


def _body(response: requests.Response, url: str, limit: int) -> bytes:
    """The unpacked body, cut shortly after the limit."""
    body, end = bytearray(), time.monotonic() + MAX_PAGE_S
    try:
        while chunk := response.raw.read1(65_536, decode_content=True):
            body += chunk
            if len(body) > limit:
                break
            if time.monotonic() > end:
                raise TransientError(
                    f"{shown(url)}: not complete after {MAX_PAGE_S:g} s; try later, the same command goes on"
                )
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _outage(url, error) from error
    return bytes(body)


def _outage(url: str, error: Exception) -> TransientError:
    return TransientError(f"{shown(url)}: no answer ({type(error).__name__}); try later, the same command goes on")
