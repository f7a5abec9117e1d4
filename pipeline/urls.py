"""Checks the URLs of the settings, and hides their secrets. No error repeats a value."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

_ESCAPED = r"(?:[^\s%:/?#\[\]@\\]|%(?!00)[0-9A-Fa-f]{2})+"
"""Characters without a meaning in a URL, and all others but NUL as %XX."""

_POSTGRES_OPTIONS = frozenset({
    "application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname", "gssencmode", "host",
    "hostaddr", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname", "options",
    "passfile", "port", "service", "sslcert", "sslcrl", "sslkey", "sslmode", "sslnegotiation", "sslrootcert",
    "target_session_attrs", "tcp_user_timeout", "user",
})  # fmt: skip
"""Query parameters of libpq, without passwords: messages about the store would show them."""

_POSTGRES = re.compile(
    rf"postgresql://(?:{_ESCAPED}(?::{_ESCAPED})?@)?(?:[\w.,-]+|\[[0-9A-Fa-f:.]+\])?(?::\d+)?"
    rf"/{_ESCAPED}(?:\?[\w.%=&/:,+~-]*)?"
)

_HTTP = re.compile(
    r"https?://(?:[\w-]+(?:\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\]|[^\s/?#]*@[^\s/?#]*)(?::[^\s/?#@]*)?(?:/\S*)?"
)


def check_place(value: str, kinds: tuple[str, ...]) -> str:
    """Check a store's or warehouse's URL. Raises ValueError, also for what its driver would reject later."""
    kind = next((kind for kind in kinds if value.startswith(kind)), None)
    if kind is None or value == kind:
        raise ValueError(f"must begin with {' or '.join(kinds)} and go on with a place")
    place = value.removeprefix(kind)
    # SQLAlchemy takes what follows a ? for options, :memory: is no file, and nothing expands ~
    if kind == "sqlite:///" and (re.search(r"[?%\0]", place) or place.startswith((":", "~"))):
        raise ValueError("must be a plain path behind sqlite:///, without ?, % and ~")
    if kind == "bigquery://" and not re.fullmatch(r"[a-z][a-z0-9:.-]{1,60}/\w{1,1000}", place, re.ASCII):
        raise ValueError("must be bigquery://project/dataset, such as bigquery://sandbox/verbatims")
    if kind == "postgresql://":
        _check_postgres(value)
    return value


def _check_postgres(value: str) -> None:
    if not _POSTGRES.fullmatch(value):
        raise ValueError(
            "is not postgresql://user:password@host:port/database; write what is no letter or digit in user and "
            "password as %XX, such as %40 for @ and %2F for /"
        )
    _check_port(value)
    options = {name for name, _ in parse_qsl(urlsplit(value).query, keep_blank_values=True)}
    if any("pass" in name.casefold() for name in options - {"passfile"}):
        raise ValueError("holds a password behind the ?, where it would be shown; write user:password@host")
    if not options <= _POSTGRES_OPTIONS:
        raise ValueError(f"has an unknown option behind the ?; there are {', '.join(sorted(_POSTGRES_OPTIONS))}")


def check_http(value: str) -> str:
    """Check a server's base URL and remove a trailing slash. Raises ValueError."""
    if not _HTTP.fullmatch(value):
        raise ValueError("is not an http:// or https:// address")
    _check_port(value)
    if "@" in urlsplit(value).netloc:
        raise ValueError("holds a user name or password; leave them out of the address")
    if re.search("[?#]", value):
        raise ValueError("holds a ? or #; it is a base address, to which paths are added")
    return value.rstrip("/")


def _check_port(value: str) -> None:
    try:
        # the property raises, not urlsplit itself
        _ = urlsplit(value).port
    except ValueError:
        raise ValueError("has a port that is no number from 0 to 65535") from None


def origin(url: str) -> str:
    """Scheme, host and port, for messages: a path may be a gateway's secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def holds_password(url: str) -> bool:
    """Whether a URL must not be shown as it is."""
    return urlsplit(url).password is not None


def hide_password(url: str) -> str:
    """A URL that may be shown."""
    password = urlsplit(url).password if "://" in url else None
    return url.replace(f":{password}@", ":***@", 1) if password else url
