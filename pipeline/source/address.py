"""Addresses of pages: validates them, compares their hosts, and redacts them for messages."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urldefrag, urlencode, urljoin, urlsplit, urlunsplit

from pipeline.errors import InputError
from pipeline.source import fields

_SHOWN_PARAMETERS = frozenset({"page", "p", "pg", "offset", "start", "limit", "sort"})
"""Parameters that count pages. The value of any other may be a token, so `shown` hides it."""


def checked(url: str) -> str:
    """The address without fragment, user and password. Raises InputError for anything but a web address."""
    try:
        parts = urlsplit(url.strip())
        # reading `port` raises ValueError for one that is no number
        valid = parts.scheme in ("http", "https") and _is_host(parts.hostname) and (parts.port or True)
    except ValueError:
        valid = False
    if not valid:
        raise InputError("not the address of a web page; it starts with http:// or https:// and names a host")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def absolute(href: object, url: str) -> str | None:
    """The web address that a link leads to, without fragment, user and password, or None."""
    if not isinstance(href, str) or not href.strip() or len(href) > 2000:
        return None
    try:
        parts = urlsplit(urldefrag(urljoin(url, fields.plain(href.strip()))).url)
        host = parts.netloc.rpartition("@")[2]
        valid = parts.scheme in ("http", "https") and _is_host(parts.hostname) and (parts.port or True)
    except ValueError:
        return None
    return urlunsplit(parts._replace(netloc=host)) if valid else None


def host_of(url: str) -> tuple[str | None, int]:
    """Host and port, for comparing; the host is None for an invalid address."""
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)
    except ValueError:
        return None, 0


def shown(url: str) -> str:
    """The address for messages: without user and password, and parameters hidden unless they count pages."""
    try:
        parts = urlsplit(url.strip())
        query = [(key, value if key.lower() in _SHOWN_PARAMETERS else "***") for key, value in parse_qsl(parts.query)]
    except ValueError:
        return "the address"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="*{}"), ""))


def _is_host(name: str | None) -> bool:
    """Whether a name has the form of a host name (letters, digits, dots, dashes) or of an IPv6 address."""
    return bool(name and re.fullmatch(r"\w[\w.-]*|[0-9a-f:.%]+", name))
