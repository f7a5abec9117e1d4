"""Answers the requests of batches in the background, a few at a time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.sandbox import wire
from pipeline.sandbox.batchfile import Batch, BatchFile, Result, Waiting, opened
from pipeline.sandbox.claude import Billed, Claude
from pipeline.sandbox.faults import REQUEST_FAULTS, BatchFault, Fault, choose, choose_batch_fault, draw

SLICE = 100
"""Requests answered in one transaction: some 20 ms."""

TICK_S = 0.05
"""How often an open batch is looked at."""

CANCEL_S = 0.2
"""How long a batch is canceling."""

_BATCH_TURNS = 1000
"""Turns of a text in batches count from here, so that it draws another fault when it is asked again live."""

_ERRORS: dict[Fault | BatchFault, tuple[str, str]] = {
    Fault.OVERLOADED: ("overloaded_error", "Overloaded (sandbox fault)"),
    Fault.ERROR: ("api_error", "Internal server error (sandbox fault)"),
    BatchFault.ERRORED: ("api_error", "Internal server error (sandbox fault)"),
    BatchFault.INVALID: ("invalid_request_error", "Invalid request (sandbox fault)"),
}
"""Other faults of a status do not occur in batches: these wait for the rate limit by themselves."""


class Answerer:
    """Gives the result of one request, decided by its custom id, its text and the seed."""

    def __init__(self, claude: Claude, faults: Mapping[str, float], seed: int, billed: Billed | None) -> None:
        self._claude, self._faults, self._seed, self._billed = claude, faults, seed, billed

    def result(self, file: BatchFile, batch: Batch, request: Waiting) -> Result:
        """The result. A succeeded one is billed.

        A kill before the result is stored repeats both, with the same request_id in the bill.
        """
        request_id = f"req_sandbox{hashlib.sha256(f'{batch.id} {request.custom_id}'.encode()).hexdigest()[:18]}"
        try:
            asked = wire.question(request.params.encode())
            digest = hashlib.sha256(asked.verbatim.encode()).hexdigest()
            turn = _BATCH_TURNS + file.count(digest)
            failed = self._failed(asked, request, turn, request_id)
            return failed or self._succeeded(batch, request, asked, digest, turn, request_id)
        except wire.Rejected as rejected:
            return _errored(request, rejected.kind, str(rejected), request_id)

    def _failed(self, asked: wire.Question, request: Waiting, turn: int, request_id: str) -> Result | None:
        fault = choose_batch_fault(self._faults, REQUEST_FAULTS, self._seed, request.custom_id, turn)
        if fault is BatchFault.EXPIRED:
            return Result(request.position, "expired", '{"type":"expired"}')
        if fault is BatchFault.CANCELED:
            return Result(request.position, "canceled", '{"type":"canceled"}')
        cause = fault or choose(self._faults, self._seed, asked.verbatim, turn)
        error = _ERRORS.get(cause) if cause else None
        return error and _errored(request, *error, request_id)

    def _succeeded(
        self, batch: Batch, request: Waiting, asked: wire.Question, digest: str, turn: int, request_id: str
    ) -> Result:
        fault = choose(self._faults, self._seed, asked.verbatim, turn)
        message, line = self._claude.answer(asked, digest, fault, draw(self._seed, digest, turn, "variant"))
        message["usage"]["service_tier"] = "batch"
        if self._billed is not None:
            whose = {"batch": True, "custom_id": request.custom_id, "batch_id": batch.id}
            self._billed.add({"request_id": request_id, **line, **whose})
        return Result(request.position, "succeeded", _compact({"type": "succeeded", "message": message}))


class Worker:
    """Answers open batches. The requests of a batch are spread over `delay_s`, after which it ends."""

    def __init__(self, path: Path, delay_s: float, answerer: Answerer) -> None:
        self._path, self._delay_s, self._answerer = path, delay_s, answerer
        self._woken, self._stopped = asyncio.Event(), False
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look for work now; called after each creation."""
        self._task = self._task or asyncio.create_task(self._run())
        self._woken.set()

    async def stop(self) -> None:
        """End after the current slice."""
        self._stopped = True
        self._woken.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stopped:
            self._woken.clear()
            wait_s = await asyncio.to_thread(self._step)
            if wait_s == 0:
                await asyncio.sleep(0)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait_s)

    def _step(self) -> float | None:
        """Do a slice of the work. Returns how long to wait for the next one; None if no batch is open."""
        with opened(self._path) as file:
            batches = file.unfinished()
            if any(self._advance(file, batch) for batch in batches):
                return 0
            return TICK_S if batches else None

    def _advance(self, file: BatchFile, batch: Batch) -> bool:
        """Do a slice of the work of a batch. False if there is none at the moment."""
        now = time.time()
        if batch.cancel_initiated_at is not None:
            return self._close(file, batch, now >= batch.cancel_initiated_at + CANCEL_S)
        if now >= batch.expires_at:
            file.answer_rest(batch, "expired")
            file.end(batch)
            return True
        waiting = file.waiting(batch, min(SLICE, self._due(batch, now) - batch.answered))
        file.answer(batch, [self._answerer.result(file, batch, request) for request in waiting])
        if batch.answered + len(waiting) == batch.total and now >= batch.created_at + self._delay_s:
            file.end(batch)
            return True
        return bool(waiting)

    def _close(self, file: BatchFile, batch: Batch, due: bool) -> bool:
        if due:
            file.answer_rest(batch, "canceled")
            file.end(batch)
        return due

    def _due(self, batch: Batch, now: float) -> int:
        """How many requests have an answer by now."""
        if now >= batch.created_at + self._delay_s:
            return batch.total
        return max(0, int(batch.total * (now - batch.created_at) / self._delay_s))


def _errored(request: Waiting, kind: str, words: str, request_id: str) -> Result:
    error = wire.error(kind, words, request_id)
    return Result(request.position, "errored", _compact({"type": "errored", "error": error}))


def _compact(result: Mapping[str, Any]) -> str:
    return json.dumps(result, ensure_ascii=False, separators=(",", ":"))
