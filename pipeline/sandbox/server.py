"""The server of the sandbox: review site, feed, Claude's API and BigQuery's API on one local port."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType

import requests
from aiohttp import web
from aiohttp.typedefs import Handler

from pipeline import __version__
from pipeline.errors import SettingsError
from pipeline.program import program_name
from pipeline.sandbox import wire
from pipeline.sandbox.batches import Batches
from pipeline.sandbox.bigquery import BigQuery
from pipeline.sandbox.claude import Billed, Claude
from pipeline.sandbox.corpus import verbatims
from pipeline.sandbox.drift import parse_drift
from pipeline.sandbox.faults import parse
from pipeline.sandbox.feed import PATH as FEED
from pipeline.sandbox.feed import Feed
from pipeline.sandbox.limits import Clock, parse_limits
from pipeline.sandbox.noise import TokenNoise
from pipeline.sandbox.site import Site

HEADER = "x-verbatims-sandbox"
"""On every response with the value `true`, so that nobody takes the answers for real ones."""

TABLES = Path("var/bigquery-sandbox.db")
"""Default file of BigQuery's tables."""

BATCHES = Path("var/batches-sandbox.db")
"""Default file of Claude's batches."""

BATCH_DELAY_S = 2.0
"""How long a batch takes by default. Real ones take minutes to hours."""

_MAX_BODY = 32 * 1024 * 1024
"""Bytes; the limit of Claude's API. A new batch has its own limit."""

_BACKLOG = 1024
"""A client with hundreds of calls in flight opens all connections at once."""

_GRACE_S = 0.05
"""Time for requests in flight when the sandbox stops. Timeout faults would wait for two minutes."""

_MAX_IDENTITY = 4096


class Sandbox:
    """Runs the sandbox in a thread: `with Sandbox() as sandbox: requests.get(sandbox.url)`.

    `port` 0 takes a free one. `latency_s` is the latency of Claude's API. `faults` are shares by kind, or a text such
    as "overloaded=0.05"; `seed` decides which requests fail. `billed` is a file that gets a line per billed answer.
    `tables` is the file of BigQuery's tables and `batches` that of Claude's batches, each created at the first request.
    `published` limits the site to that many reviews, the oldest ones. `limits` are those of Claude's API per minute, or
    a text such as "requests=600,burst=5"; `cache` is whether it caches prompts; `clock` gives the seconds that both
    count. A batch ends `batch_delay_s` after its creation. `noise` is how much billed tokens differ from counted ones,
    0 to 1. `drift` are shares by sentiment, or a text such as "negative=0.15": that share of the answers gets it,
    unless the system text of the request has a section of examples, a line `<examples>`.
    The constructor raises SettingsError for invalid faults, limits, noise or drift, `start` for an address that it
    cannot listen on.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        latency_s: float = 0.05,
        faults: Mapping[str, float] | str | None = None,
        seed: int = 7,
        billed: Path | None = None,
        tables: Path = TABLES,
        published: int | None = None,
        limits: Mapping[str, float] | str | None = None,
        cache: bool = True,
        clock: Clock = time.monotonic,
        batches: Path = BATCHES,
        batch_delay_s: float = BATCH_DELAY_S,
        noise: float = 0.0,
        drift: Mapping[str, float] | str | None = None,
    ) -> None:
        self._site = Site(published)
        self._host, self._port = host, port
        self._tables, self._batches, self._batch_delay_s = tables, batches, batch_delay_s
        self._latency_s, self._seed, self._billed = latency_s, seed, billed
        self._faults = parse(faults) if isinstance(faults, str) else dict(faults or {})
        self._drift = parse_drift(drift) if isinstance(drift, str) else dict(drift or {})
        self._limits = parse_limits(limits) if isinstance(limits, str) else dict(limits or {})
        self._cache, self._clock, self._noise = cache, clock, TokenNoise(noise, seed)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.url = ""
        """The base address without a final slash; empty until started."""

    def start(self) -> Sandbox:
        """Start the server. Returns once it answers requests."""
        listening = _listen(self._host, self._port)
        try:
            billed = _open_billed(self._billed)
        except SettingsError:
            listening.close()
            raise
        app = self._application(billed)
        self.url = f"http://{_in_url(self._host)}:{listening.getsockname()[1]}"
        self._loop, ready = asyncio.new_event_loop(), Future[None]()
        self._thread = threading.Thread(
            target=_run, args=(self._loop, app, listening, ready, billed), name="sandbox", daemon=True
        )
        self._thread.start()
        ready.result()
        return self

    def _application(self, billed: Billed | None) -> web.Application:
        claude = self._claude(billed)
        batches = Batches(claude, self._batches, self._batch_delay_s, self._faults, self._seed, billed)
        return application(self._site, claude, batches, BigQuery(self._tables, self._faults, self._seed))

    def stop(self) -> None:
        """Stop the server and close open connections. Does nothing if it is not running."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop = self._thread = None

    def _claude(self, billed: Billed | None) -> Claude:
        shared = (self._latency_s, self._faults, self._seed, billed)
        return Claude(
            *shared,
            limits=self._limits,
            cache=self._cache,
            clock=self._clock,
            noise=self._noise,
            drift=self._drift,
        )

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def serve(
    host: str = "127.0.0.1",
    port: int = 9100,
    latency_s: float = 0.05,
    faults: Mapping[str, float] | str | None = None,
    seed: int = 7,
    billed: Path | None = None,
    tables: Path = TABLES,
    published: int | None = None,
    say: Callable[[str], None] = _say,
    limits: Mapping[str, float] | str | None = None,
    cache: bool = True,
    batches: Path = BATCHES,
    batch_delay_s: float = BATCH_DELAY_S,
    noise: float = 0.0,
    drift: Mapping[str, float] | str | None = None,
) -> None:
    """Run in the foreground until SIGINT or SIGTERM. Raises SettingsError as `Sandbox` does."""
    ended = threading.Event()
    with Sandbox(
        host,
        port,
        latency_s,
        faults,
        seed,
        billed,
        tables,
        published,
        limits,
        cache,
        batches=batches,
        batch_delay_s=batch_delay_s,
        noise=noise,
        drift=drift,
    ) as sandbox:
        before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        say(
            f"sandbox on {sandbox.url}: review site at /, a feed like Apple's at {FEED}, Claude's API at /v1/messages "
            f"(no real Claude answers; batches in {batches}), "
            f"BigQuery's at /bigquery/v2 (not Google's; tables in {tables})"
        )
        say(
            f"in a second terminal: ANTHROPIC_BASE_URL={sandbox.url} {program_name()} run; Ctrl-C here ends the sandbox"
        )
        ended.wait()
        for number, handler in before.items():
            signal.signal(number, handler)


def identify(url: str, timeout_s: float = 2.0) -> bool:
    """Whether a sandbox answers at an address. Sends no credentials, and uses neither proxies nor redirects."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            # an auth that adds nothing: without one, requests sends the user and password in the address
            session.auth = lambda request: request
            with session.get(
                f"{url.rstrip('/')}/sandbox", timeout=timeout_s, allow_redirects=False, stream=True
            ) as response:
                return _is_sandbox(response)
    except (requests.RequestException, OSError, ValueError):
        return False


def application(site: Site, claude: Claude, batches: Batches, bigquery: BigQuery) -> web.Application:
    """The web application with all routes."""
    app = web.Application(client_max_size=_MAX_BODY, middlewares=[_api_errors])
    app.on_startup.append(batches.start)
    app.on_cleanup.append(batches.stop)
    app.on_response_prepare.append(_label)
    app.add_routes(
        [
            *site.routes(),
            *Feed(site.verbatims).routes(),
            web.get("/sandbox", _identity),
            *claude.routes(),
            *batches.routes(),
            *bigquery.routes(),
        ]
    )
    return app


async def _identity(request: web.Request) -> web.Response:
    return web.json_response({"sandbox": "verbatims", "version": __version__, "verbatims": len(verbatims())})


async def _label(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[HEADER] = "true"


@web.middleware
async def _api_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Formats errors of aiohttp under /v1/ (404, 405, 413) as Claude's API does, since clients parse them."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if not request.path.startswith("/v1/"):
            raise
        kind = {404: "not_found_error", 413: "request_too_large"}.get(error.status, "invalid_request_error")
        request_id = wire.new_id("req")
        body = wire.error(kind, error.reason, request_id)
        return web.json_response(body, status=error.status, headers={"request-id": request_id})


def _run(
    loop: asyncio.AbstractEventLoop,
    app: web.Application,
    listening: socket.socket,
    ready: Future[None],
    billed: Billed | None,
) -> None:
    """The thread: serves until the loop is stopped, then closes everything."""
    asyncio.set_event_loop(loop)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_S)
    try:
        loop.run_until_complete(_serve(runner, listening))
        ready.set_result(None)
        loop.run_forever()
    except Exception as error:
        ready.set_exception(error)
    finally:
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(_cancel_pending())
        loop.close()
        listening.close()
        if billed is not None:
            billed.close()


async def _serve(runner: web.AppRunner, listening: socket.socket) -> None:
    await runner.setup()
    await web.SockSite(runner, listening, backlog=_BACKLOG).start()


async def _cancel_pending() -> None:
    """Cancel answers whose client has disconnected; aiohttp's clean-up covers only connected clients."""
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"cannot listen on {host}, port {port} ({why}): choose another with --port") from error


def _open_billed(path: Path | None) -> Billed | None:
    try:
        return None if path is None else Billed(path)
    except OSError as error:
        raise SettingsError(f"cannot write {path} ({error.strerror}): choose another file with --billed") from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_sandbox(response: requests.Response) -> bool:
    if response.status_code != 200 or response.headers.get(HEADER) != "true":
        return False
    identity = json.loads(response.raw.read(_MAX_IDENTITY, decode_content=True))
    return isinstance(identity, dict) and identity.get("sandbox") == "verbatims"
