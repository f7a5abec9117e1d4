"""The HTTP requests that the SDK makes for one question: a try, and its own retries."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import anthropic

MAX_RETRY_AFTER_S = 60
"""The longest wait between two tries of one call; the API's limits are per minute."""

BeforeSending = Callable[[], Awaitable[None]]
"""Waits until the request may be sent. Raises VerbatimsError where it may not be sent any more."""


class Tries:
    """The tries of one question."""

    def __init__(self, before_sending: BeforeSending) -> None:
        self._before_sending = before_sending
        self.errors: list[str] = []
        """How tries failed, in order. One that timed out may have been answered and paid."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Requests of this task are tries of this question meanwhile."""
        token = _watched.set(self)
        try:
            yield
        finally:
            _watched.reset(token)

    async def send(self, request: Any, call_next: Any) -> Any:
        """One try."""
        await self._before_sending()
        try:
            response = await call_next(request)
        except anthropic.APIConnectionError as error:
            self.errors.append("timeout" if isinstance(error, anthropic.APITimeoutError) else "connection")
            raise
        if not response.http_response.is_success:
            self.errors.append(f"http_{response.status_code}")
        return response


_watched: ContextVar[Tries] = ContextVar("tries")


async def each_try(request: Any, call_next: Any) -> Any:
    """Middleware of the SDK, which calls it once per HTTP request."""
    response = await _watched.get().send(request, call_next)
    # the SDK waits as long as a server says, however long that is
    seconds = response.headers.get("retry-after", "")
    if seconds.isdigit() and int(seconds) > MAX_RETRY_AFTER_S:
        response.headers["retry-after"] = str(MAX_RETRY_AFTER_S)
    return response


def cause_of(error: BaseException) -> str:
    """Why a connection failed, in words of ours: the library's would show the address."""
    inner: BaseException | None = error
    while inner is not None:
        for kind, words in _CAUSES.items():
            if isinstance(inner, kind):
                return words
        # aiohttp keeps the system's error in an attribute
        inner = getattr(inner, "os_error", None) or inner.__cause__ or inner.__context__
    return "the connection broke"


_CAUSES: dict[type[BaseException], str] = {
    socket.gaierror: "its host name is unknown (DNS), or there is no network",
    ssl.SSLError: "its certificate or TLS version is refused",
    ConnectionRefusedError: "connection refused",
    ConnectionResetError: "connection reset",
    TimeoutError: "it does not answer in time",
}
