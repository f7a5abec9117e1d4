"""Addresses of pages: what is one, which host it names, and how much of it may be shown."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urldefrag, urlencode, urljoin, urlsplit, urlunsplit

from pipeline.errors import InputError
from pipeline.source import fields

_HARMLESS = frozenset({"page", "p", "pg", "offset", "start", "limit", "sort"})


def checked(url: str) -> str:
    """The address as it is asked for, without fragment, user and password. Raises InputError for what is none."""
    try:
        parts = urlsplit(url.strip())
        known = parts.scheme in ("http", "https") and _is_host(parts.hostname) and (parts.port or True)
    except ValueError:
        known = False
    if not known:
        raise InputError("not the address of a web page; it starts with http:// or https:// and names a host")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def absolute(href: object, url: str) -> str | None:
    """An http address without fragment and without user and password, or None."""
    if not isinstance(href, str) or not href.strip() or len(href) > 2000:
        return None
    try:
        parts = urlsplit(urldefrag(urljoin(url, fields.plain(href.strip()))).url)
        host = parts.netloc.rpartition("@")[2]
        known = parts.scheme in ("http", "https") and _is_host(parts.hostname) and (parts.port or True)
    except ValueError:
        return None
    return urlunsplit(parts._replace(netloc=host)) if known else None


def host_of(url: str) -> tuple[str | None, int]:
    """Host and port, for comparing; None for what is no address."""
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
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="*{}"), ""))


def _is_host(name: str | None) -> bool:
    """Whether a name could ever be found: letters, digits, dots and dashes, or an IPv6 address."""
    return bool(name and re.fullmatch(r"\w[\w.-]*|[0-9a-f:.%]+", name))
