"""How a reader of the web connects: never into the own network, and never for longer than it wants to wait.

A file that names sources is no way into the network that it is read in.
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
"""From the request to the end of the answer's headers: a server may send one byte within each read timeout."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address in its last four bytes."""

_NOT_PUBLIC = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10", "3fff::/20", "5f00::/16"))
)
"""What Python takes for public and is not: old ways to write IPv4, a network's own NAT64 (RFC 8215), site-local,
documentation (RFC 9637), segment routing (RFC 9602)."""

_NOT_PUBLIC_V4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
"""The same of IPv4: protocol assignments (RFC 6890; 192.0.0.192 is Oracle's metadata server), old 6to4 relays
(RFC 7526), and Azure's server for its machines, inside Microsoft's own network."""

_LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also where it wraps another."""
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
    """Raises InputError for an address that says by itself that it is private; behind a proxy that is all one knows."""
    host = urlsplit(url).hostname or ""
    plain = _plain(unquote(host))
    if any(f".{plain}".endswith(f".{name}") for name in _LOCAL_NAMES) or not _may_be_public(plain):
        raise _refusal(host)


def _plain(host: str) -> str:
    """The host as a resolver reads it: other digits, letters and full stops become plain ones (UTS 46)."""
    visible = [one for one in unicodedata.normalize("NFKC", host) if unicodedata.category(one) != "Cf"]
    digits = [str(unicodedata.decimal(one)) if one.isdecimal() else one for one in visible]
    return "".join(digits).casefold().replace("。", ".").strip(" .")


def _may_be_public(host: str) -> bool:
    """A name with a dot in it may; a number may if it is a public address, in any form that C's inet_aton reads."""
    with suppress(ValueError):
        return is_public(host)
    if not re.fullmatch(r"\d+|0x[0-9a-f]*", host.rpartition(".")[2], re.ASCII):
        return "." in host
    try:
        return is_public(socket.inet_ntoa(socket.inet_aton(host)))  # 2130706433, 127.1, 0x7f.1
    except OSError:
        return False


class _Connection:
    """Hangs up on a server whose headers never end."""

    sock: socket.socket

    def getresponse(self) -> Any:
        late = threading.Event()
        timer = threading.Timer(MAX_HEAD_S, _hang_up, [self.sock, late])
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()
        if late.is_set():  # Python takes a broken connection for the end of the headers
            response.close()
            raise TimeoutError("headers without end")
        return response


class _PublicConnection(_Connection):
    """Looks at every address before the first packet, and at the one reached before the first byte."""

    host: str

    def _new_conn(self) -> socket.socket:
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError):
            found = set()  # urllib3 meets the same and says so
        if not all(map(is_public, found)):
            raise _refusal(self.host)
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]
        # a name may be answered otherwise the second time
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
    """For a session of requests: does not wait for headers that never end."""

    pools: Mapping[str, type[HTTPConnectionPool]] = MappingProxyType({"http": _HttpPool, "https": _HttpsPool})

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As requests does, with connections of our own."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self.pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The same patience behind a proxy; where that stands is the machine's own affair."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = Anywhere.pools
        return manager


class PublicOnly(Anywhere):
    """And connects to public addresses only. A proxy of the machine's settings is trusted."""

    pools = MappingProxyType({"http": _PublicHttpPool, "https": _PublicHttpsPool})


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):  # closed meanwhile
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _refusal(host: str) -> InputError:
    return InputError(f"{host} lies in a private network; VERBATIMS_PRIVATE_ADDRESSES=true lets it be read")
