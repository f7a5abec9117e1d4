"""The sandbox's `/v1/messages/batches`: Claude's Message Batches API, with faults on request."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from aiohttp import web

from pipeline.sandbox import wire
from pipeline.sandbox.batchbody import MAX_BODY, invalid, requests_in
from pipeline.sandbox.batchfile import START, Batch, BatchFile, Line, opened
from pipeline.sandbox.batchwork import Answerer, Worker
from pipeline.sandbox.claude import Billed, Claude
from pipeline.sandbox.faults import CREATION_FAULTS, BatchFault, choose_batch_fault, draw

API = "/v1/messages/batches"

LATE_LOOKS = 2
"""How often a late batch gets status 404."""

_LINES = 500
"""Results that are read and sent together."""

_IN_MEMORY = 1024 * 1024
"""Bytes of a body beyond which it goes to a temporary file."""

_DEFAULT_LIMIT, _MAX_LIMIT = 20, 1000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")


class Batches:
    """Routes of the API, with batches in the file at `path`. `faults` are shares by kind, from `faults.parse`.

    A batch ends `delay_s` after its creation or later.
    """

    def __init__(
        self,
        claude: Claude,
        path: Path,
        delay_s: float,
        faults: Mapping[str, float],
        seed: int,
        billed: Billed | None,
    ) -> None:
        self._path, self._faults, self._seed = path, faults, seed
        self._worker = Worker(path, delay_s, Answerer(claude, faults, seed, billed))

    def routes(self) -> list[web.RouteDef]:
        """All routes."""
        batch = API + "/{batch}"
        return [
            web.post(API, _answering(self._create)),
            web.get(API, _answering(self._list)),
            web.get(batch, _answering(self._retrieve)),
            web.delete(batch, _answering(self._delete)),
            web.post(batch + "/cancel", _answering(self._cancel)),
            web.get(batch + "/results", _answering(self._results)),
        ]

    async def start(self, app: web.Application) -> None:
        """Go on with the batches that an earlier process has left."""
        if self._path.exists():
            self._worker.wake()

    async def stop(self, app: web.Application) -> None:
        """Wait for the end of the current slice of work."""
        await self._worker.stop()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        attempt = await self._in_file(lambda file: file.count("creations"))
        fault = choose_batch_fault(self._faults, CREATION_FAULTS, self._seed, "creation", attempt)
        if fault is BatchFault.REFUSED:
            raise wire.Rejected(500, "api_error", "Internal server error (sandbox fault)")
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
            await _receive(request, body)
            batch = await self._in_file(lambda file: self._add(file, body))
        self._worker.wake()
        if fault is BatchFault.LOST_REPLY:
            return _abort(request, web.Response())
        return web.json_response(_resource(batch, request))

    def _add(self, file: BatchFile, body: IO[bytes]) -> Batch:
        body.seek(0)
        text = io.TextIOWrapper(body, encoding="utf-8", newline="")
        try:
            return file.add(wire.new_id("msgbatch"), self._seed, requests_in(text))
        finally:
            text.detach()  # otherwise it closes the file of the caller

    async def _list(self, request: web.Request) -> web.Response:
        limit = _limit(request.query.get("limit"))

        def page(file: BatchFile) -> list[Batch]:
            if "before_id" in request.query:
                return file.newer(limit + 1, _found(file, request.query["before_id"]).number)
            after = request.query.get("after_id")
            return file.newest(limit + 1, _found(file, after).number if after else None)

        batches = await self._in_file(page, writes=False)
        page_of = batches[:limit]
        if "before_id" in request.query:
            page_of.reverse()
        page_ids = {
            "first_id": page_of[0].id if page_of else None,
            "last_id": page_of[-1].id if page_of else None,
        }
        data = [_resource(batch, request) for batch in page_of]
        return web.json_response({"data": data, "has_more": len(batches) > limit, **page_ids})

    async def _retrieve(self, request: web.Request) -> web.Response:
        return web.json_response(_resource(await self._look(request), request))

    async def _look(self, request: web.Request) -> Batch:
        """The batch of a request. Raises Rejected with 404, also for a late one that exists."""
        batch = await self._in_file(lambda file: _found(file, request.match_info["batch"]), writes=False)
        if self._meets(BatchFault.LATE, batch):
            looks = await self._in_file(lambda file: file.count(f"looks at {batch.id}"))
            if looks < LATE_LOOKS:
                raise _missing(batch.id)
        return batch

    def _meets(self, fault: BatchFault, batch: Batch) -> bool:
        return draw(self._seed, fault, batch.number) < self._faults.get(fault, 0.0)

    async def _cancel(self, request: web.Request) -> web.Response:
        def cancel(file: BatchFile) -> Batch:
            batch = _found(file, request.match_info["batch"])
            if batch.ended_at is not None:
                raise invalid(f"Message batch {batch.id} has ended and cannot be canceled")
            file.cancel(batch)
            return _found(file, batch.id)

        await self._look(request)
        canceled = await self._in_file(cancel)
        self._worker.wake()
        return web.json_response(_resource(canceled, request))

    async def _delete(self, request: web.Request) -> web.Response:
        def delete(file: BatchFile) -> Batch:
            batch = _found(file, request.match_info["batch"])
            if batch.ended_at is None:
                raise invalid(f"Message batch {batch.id} has not ended: cancel it before it is deleted")
            file.delete(batch)
            return batch

        deleted = await self._in_file(delete)
        return web.json_response({"id": deleted.id, "type": "message_batch_deleted"})

    async def _results(self, request: web.Request) -> web.StreamResponse:
        batch = await self._look(request)
        if batch.ended_at is None:
            raise wire.Rejected(404, "not_found_error", f"Message batch {batch.id} has no results yet")
        breaks_at = await self._breaks_at(batch)
        response = web.StreamResponse(headers={"Content-Type": "application/x-jsonl"})
        response.headers["request-id"] = wire.new_id("req")
        await response.prepare(request)
        sent, last = 0, START
        while lines := await self._lines(batch, last):
            if breaks_at is not None and sent + len(lines) > breaks_at:
                text = _text(lines[: breaks_at - sent + 1])
                await response.write(text[:-20])  # ends within a line
                return _abort(request, response)
            await response.write(_text(lines))
            sent, last = sent + len(lines), lines[-1]
        return response

    async def _lines(self, batch: Batch, last: Line) -> list[Line]:
        return await self._in_file(lambda file: file.lines(batch, last, _LINES), writes=False)

    async def _breaks_at(self, batch: Batch) -> int | None:
        """The number of the line within which the results break off, or None."""
        if not self._meets(BatchFault.BROKEN_RESULTS, batch):
            return None
        earlier = await self._in_file(lambda file: file.count(f"results of {batch.id}"))
        return None if earlier else batch.total // 2

    async def _in_file(self, work: Callable[[BatchFile], T], writes: bool = True) -> T:
        def whole() -> T:
            with opened(self._path, writes) as file:
                return work(file)

        return await asyncio.to_thread(whole)


def _answering(handler: Handler) -> Handler:
    """The handler with the check of the key and with the API's errors."""

    async def answer(request: web.Request) -> web.StreamResponse:
        request_id = wire.new_id("req")
        try:
            wire.authenticate(request.headers)
            response = await handler(request)
        except wire.Rejected as rejected:
            body = wire.error(rejected.kind, str(rejected), request_id)
            response = web.json_response(body, status=rejected.status)
        if not response.prepared:
            response.headers["request-id"] = request_id
        return response

    return answer


async def _receive(request: web.Request, body: IO[bytes]) -> None:
    """Write the body of a request to a file. Raises Rejected with 413 for a long one."""
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise wire.Rejected(413, "request_too_large", f"Request exceeds the maximum size of {MAX_BODY} bytes")
        body.write(chunk)


def _found(file: BatchFile, batch_id: str) -> Batch:
    batch = file.find(batch_id)
    if batch is None:
        raise _missing(batch_id)
    return batch


def _missing(batch_id: str) -> wire.Rejected:
    return wire.Rejected(404, "not_found_error", f"Message batch {batch_id} not found")


def _limit(given: str | None) -> int:
    if given is None:
        return _DEFAULT_LIMIT
    limit = int(given) if given.isdecimal() and len(given) < 6 else 0
    if not 1 <= limit <= _MAX_LIMIT:
        raise invalid(f"limit: Input should be a number from 1 to {_MAX_LIMIT}")
    return limit


def _resource(batch: Batch, request: web.Request) -> dict[str, Any]:
    """The MessageBatch object. Its counts stay at `processing` until the batch has ended."""
    ended = batch.ended_at is not None
    canceling = batch.cancel_initiated_at is not None
    kinds = ("succeeded", "errored", "canceled", "expired")
    counts = {kind: getattr(batch, kind) if ended else 0 for kind in kinds}
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if ended else "canceling" if canceling else "in_progress",
        "request_counts": {"processing": 0 if ended else batch.total, **counts},
        "created_at": _time(batch.created_at),
        "expires_at": _time(batch.expires_at),
        "ended_at": _time(batch.ended_at),
        "cancel_initiated_at": _time(batch.cancel_initiated_at),
        "archived_at": None,
        "results_url": f"{request.url.origin()}{API}/{batch.id}/results" if ended else None,
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(lines: list[Line]) -> bytes:
    return "".join(f'{{"custom_id":"{line.custom_id}","result":{line.result}}}\n' for line in lines).encode()


def _abort(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection without the rest of the answer."""
    if request.transport is not None:
        request.transport.abort()
    return response
