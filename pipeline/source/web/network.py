"""Connections that refuse private networks and limit the time of response headers.

Without this, an address in `sources.toml`, or a redirect, could read internal servers (SSRF).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from pipeline.errors import InputError

MAX_HEAD_S = 30.0
"""From the request to the end of the headers. The read timeout alone never ends a server that sends byte by byte."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last four bytes are an IPv4 address."""

_NOT_PUBLIC = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10", "3fff::/20", "5f00::/16"))
)
"""Not public, though Python's `is_global` says so: old forms of IPv4 in IPv6, local NAT64 (RFC 8215), site-local,
documentation (RFC 9637), segment routing (RFC 9602)."""

_NOT_PUBLIC_V4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
"""The same of IPv4: protocol assignments (RFC 6890; 192.0.0.192 is Oracle's metadata server), old 6to4 relays
(RFC 7526), and Azure's server for its machines, inside Microsoft's own network."""

_LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa")


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet. Of IPv4 wrapped in IPv6, the inner address counts."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _NOT_PUBLIC):
            return False
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in _NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = wrapped or ip
    if any(ip in network for network in _NOT_PUBLIC_V4):
        return False
    return ip.is_global and not ip.is_multicast


def refuse_private(url: str) -> None:
    """Raises InputError for a host name or IP that is private by its form.

    Behind a proxy this is the only check, since the proxy resolves the name.
    """
    host = urlsplit(url).hostname or ""
    plain = _plain(unquote(host))
    if any(f".{plain}".endswith(f".{name}") for name in _LOCAL_NAMES) or not _may_be_public(plain):
        raise _refusal(host)


def _plain(host: str) -> str:
    """The host as a resolver reads it: Unicode digits, letters and full stops become ASCII (UTS 46)."""
    visible = [one for one in unicodedata.normalize("NFKC", host) if unicodedata.category(one) != "Cf"]
    digits = [str(unicodedata.decimal(one)) if one.isdecimal() else one for one in visible]
    return "".join(digits).casefold().replace("。", ".").strip(" .")


def _may_be_public(host: str) -> bool:
    """Whether the host is a name with a dot, or a public IP in any form that C's inet_aton accepts."""
    with suppress(ValueError):
        return is_public(host)
    if not re.fullmatch(r"\d+|0x[0-9a-f]*", host.rpartition(".")[2], re.ASCII):
        return "." in host
    try:
        return is_public(socket.inet_ntoa(socket.inet_aton(host)))  # 2130706433, 127.1, 0x7f.1
    except OSError:
        return False


class _Connection:
    """Closes the connection to a server whose headers never end."""

    sock: socket.socket

    def getresponse(self) -> Any:
        late = threading.Event()
        timer = threading.Timer(MAX_HEAD_S, _close, [self.sock, late])
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()
        if late.is_set():  # http.client takes a closed connection for the end of the headers
            response.close()
            raise TimeoutError("headers without end")
        return response


class _PublicConnection(_Connection):
    """Checks every resolved address before connecting, and the connected one before sending."""

    host: str

    def _new_conn(self) -> socket.socket:
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError):
            found = set()  # urllib3 will fail in the same way and report it
        if not all(map(is_public, found)):
            raise _refusal(self.host)
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]
        # the second lookup may give another address (DNS rebinding)
        if not is_public(connected.getpeername()[0]):
            connected.close()
            raise _refusal(self.host)
        return connected


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = type("_Http", (_Connection, HTTPConnection), {})


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = type("_Https", (_Connection, HTTPSConnection), {})


class _PublicHttpPool(HTTPConnectionPool):
    ConnectionCls = type("_PublicHttp", (_PublicConnection, HTTPConnection), {})


class _PublicHttpsPool(HTTPSConnectionPool):
    ConnectionCls = type("_PublicHttps", (_PublicConnection, HTTPSConnection), {})


class Anywhere(HTTPAdapter):
    """Adapter for a session of requests that limits the time of headers; any address is allowed."""

    pools: Mapping[str, type[HTTPConnectionPool]] = MappingProxyType({"http": _HttpPool, "https": _HttpsPool})

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """The pool manager of requests, with the connections of this module."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self.pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The same time limit behind a proxy. The proxy itself may be in a private network."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = Anywhere.pools
        return manager


class PublicOnly(Anywhere):
    """Connects to public addresses only. Proxies of the environment are trusted."""

    pools = MappingProxyType({"http": _PublicHttpPool, "https": _PublicHttpsPool})


def _close(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):  # already closed
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _refusal(host: str) -> InputError:
    return InputError(f"{host} lies in a private network; VERBATIMS_PRIVATE_ADDRESSES=true lets it be read")
