"""A small network on this machine: hosts with namespaces of their own, joined by a bridge (Linux, root)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SUBNET = f"198.18.{os.getpid() % 254 + 1}"
"""Of the range for tests of networks (RFC 2544), which no real network has."""

PROGRAMS = ("ip", "unshare", "mount", "hostname")


class NoNetwork(Exception):
    """Hosts cannot be made here; the message says what is missing."""


class Network:
    """The bridge and the hosts that were added."""

    def __init__(self) -> None:
        self._bridge = f"vb{os.getpid()}"
        self._hosts: dict[str, str] = {}
        self.address = f"{SUBNET}.1"
        """Where the hosts reach what this machine offers them."""

    def start(self) -> None:
        """Raises NoNetwork."""
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing or os.geteuid() != 0:
            raise NoNetwork(f"hosts on this machine need root and {', '.join(missing or PROGRAMS)} (Debian: iproute2)")
        try:
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("addr", "add", f"{self.address}/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
        except subprocess.CalledProcessError as error:
            raise NoNetwork(f"this machine lets root make no bridge: {error.stderr.strip()}") from None

    def add(self, name: str) -> tuple[str, str]:
        """Add a host, which reaches the bridge and nothing else; returns its namespace and its address."""
        number = len(self._hosts) + 1
        space, cable, address = f"{self._bridge}-{name}", f"{self._bridge}-{number}", f"{SUBNET}.{10 + number}"
        _ip("netns", "add", space)
        self._hosts[space] = cable
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("link", "set", cable, "master", self._bridge, "up")
        _ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", space, "link", "set", "eth0", "up")
        _ip("-n", space, "link", "set", "lo", "up")
        return space, address

    def cut(self, space: str) -> None:
        """Pull a host's cable: nobody is told that its connections are over."""
        _ip("link", "set", self._hosts[space], "down")

    def stop(self) -> None:
        """Remove everything; the hosts' processes have to be gone."""
        for space, cable in self._hosts.items():
            for words in (("link", "del", cable), ("netns", "del", space)):
                with suppress(subprocess.CalledProcessError):
                    _ip(*words)
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", self._bridge)


@contextmanager
def networking() -> Iterator[Network]:
    """A network, until it is removed. Raises NoNetwork."""
    network = Network()
    try:
        network.start()
        yield network
    finally:
        network.stop()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
