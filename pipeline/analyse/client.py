"""The client for Claude's API: the SDK's, without the work that it repeats for each message."""

from __future__ import annotations

import logging
import os
from typing import Any

import anthropic
import httpx2
from anthropic import AsyncAnthropic, DefaultAioHttpClient
from anthropic._models import FinalRequestOptions

_MESSAGES = "/v1/messages"


class Client(AsyncAnthropic):
    """The SDK's client, which asks for messages with bytes at less cost.

    Of the 0.84 ms of CPU that `messages.create` takes, with its span, a request over aiohttp alone takes 0.19. What
    the SDK builds anew for each call (options, headers, URL) is the same for all of them here. Measured by
    `tests/bench/throughput.py`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._first: httpx2.Request | None = None
        self._options = FinalRequestOptions.construct(method="post", url=_MESSAGES)

    @property
    def user_agent(self) -> str:
        """The SDK's own, which has the name of the class."""
        return f"AsyncAnthropic/Python {anthropic.__version__}"

    async def send_message(self, body: bytes) -> httpx2.Response:
        """Send the JSON of a `POST /v1/messages`. Raises what `messages.create` raises."""
        return await self.request(httpx2.Response, self._options.model_copy(update={"content": body}))

    def _build_request(self, options: Any, *, retries_taken: int = 0) -> httpx2.Request:
        if options.url != _MESSAGES or not isinstance(options.content, bytes):
            return super()._build_request(options, retries_taken=retries_taken)
        if self._first is None:
            self._first = super()._build_request(options, retries_taken=retries_taken)
            del self._first.headers["content-length"]
        first = self._first
        body = httpx2.ByteStream(options.content)
        request = httpx2.Request(
            first.method, first.url, headers=first.headers, stream=body, extensions=first.extensions
        )
        request.read()
        return request


class _HttpClient(DefaultAioHttpClient):
    """The aiohttp transport, which halves the CPU of a call, without the layers around it.

    They are for redirects, cookies and flows of authentication, which a request to Claude does not need.
    """

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        if stream or options:
            return await super().send(request, stream=stream, **options)
        response = await self._transport_for_url(request.url).handle_async_request(request)
        response.request = request
        try:
            await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response


def connect(
    *,
    api_key: str,
    base_url: str | None,
    concurrency: int,
    timeout_s: float,
    sandbox: bool,
    open_telemetry: Any,
) -> Client:
    """A client to be closed when done.

    Nothing meant for a sandbox passes through a proxy or carries the headers that the environment holds for a
    gateway; and no answer may send a verbatim on to another address.
    """
    for name in ("anthropic", "httpx2"):
        # ANTHROPIC_LOG=debug would write every text to the log
        logging.getLogger(name).setLevel(logging.WARNING)
    if sandbox:
        os.environ.pop("ANTHROPIC_CUSTOM_HEADERS", None)  # the SDK adds them to every request, a gateway's token maybe
    limits = anthropic.DEFAULT_CONNECTION_LIMITS
    return Client(
        api_key=api_key,
        base_url=base_url or "https://api.anthropic.com",  # said, so that no profile on the machine decides it
        timeout=timeout_s,
        max_retries=0,  # `policy` decides what is sent again, and each try is seen
        http_client=_HttpClient(
            limits=type(limits)(max_connections=max(concurrency, 100)), trust_env=not sandbox, follow_redirects=False
        ),
        open_telemetry=open_telemetry,
    )
