"""Claude's Message Batches API, and what its errors mean."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anthropic
import httpx2
from anthropic import AsyncAnthropic
from anthropic.types.messages import MessageBatch

from pipeline.analyse.batch_body import BatchBody
from pipeline.analyse.claude import failure, retry_after
from pipeline.analyse.policy import MAYBE_PAID, is_repeated
from pipeline.analyse.tries import NEVER_SENT, cause_of

UPLOAD_S = 900.0
"""Seconds for a body of 256 MB to be taken, some 0.3 MB a second."""

LIST_PAGE = 100


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the API describes it."""

    claude_id: str
    created_at: datetime
    ended: bool
    ended_at: datetime | None
    requests: int
    """All of them, whatever came of each."""


class ApiError(Exception):
    """A request to the API has failed. `error` is named as in `Attempt.error`."""

    def __init__(self, error: str, cause: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.cause = cause
        self.retry_after_s = retry_after_s

    @property
    def passing(self) -> bool:
        """Whether the same request may do better a little later."""
        return is_repeated(self.error)

    @property
    def unknown(self) -> bool:
        """Whether what was asked for may have been done all the same."""
        broken = self.error in MAYBE_PAID and self.cause not in NEVER_SENT
        return broken or self.error.startswith("http_5")


class BatchApi:
    """Batches at Claude's side. Every method raises ApiError."""

    def __init__(self, client: AsyncAnthropic) -> None:
        self._client = client

    async def create(self, body: BatchBody) -> RemoteBatch:
        """Make a batch. Sent once: the SDK would send it three times, and each could be made and paid."""
        headers = {"Content-Type": "application/json", "Content-Length": str(body.size)}
        try:
            made = await self._client.post(
                "/v1/messages/batches",
                cast_to=MessageBatch,
                content=_async_chunks(body),
                options={"headers": headers, "timeout": UPLOAD_S, "max_retries": 0},
            )
        except Exception as error:
            raise _api_error(error) from None
        return _remote(made)

    async def retrieve(self, claude_id: str) -> RemoteBatch:
        """How it stands. Seconds after its creation the API may not know it yet (http_404)."""
        try:
            return _remote(await self._client.messages.batches.retrieve(claude_id))
        except Exception as error:
            raise _api_error(error) from None

    async def since(self, moment: datetime) -> list[RemoteBatch]:
        """All batches that were created from then on, the newest first."""
        found: list[RemoteBatch] = []
        try:
            async for batch in await self._client.messages.batches.list(limit=LIST_PAGE):
                if batch.created_at < moment:
                    break
                found.append(_remote(batch))
        except Exception as error:
            raise _api_error(error) from None
        return found

    async def results(self, claude_id: str) -> AsyncIterator[dict[str, Any]]:
        """Its results, one after another, in any order. Lines that are no JSON objects are left out.

        Read as lines, which takes a quarter of the time of the SDK's objects.
        """
        raw = self._client.messages.batches.with_streaming_response
        try:
            async with raw.results(claude_id) as response:
                async for line in response.iter_lines():
                    if isinstance(result := _parsed(line), dict):
                        yield result
        except Exception as error:
            raise _api_error(error) from None

    async def cancel(self, claude_id: str) -> None:
        """Answer nothing more of it."""
        try:
            await self._client.messages.batches.cancel(claude_id)
        except Exception as error:
            raise _api_error(error) from None

    async def delete(self, claude_id: str) -> None:
        """Delete it with its texts and results. Nothing happens where it is gone."""
        try:
            await self._client.messages.batches.delete(claude_id)
        except anthropic.NotFoundError:
            return
        except Exception as error:
            raise _api_error(error) from None


def _remote(batch: MessageBatch) -> RemoteBatch:
    counts = batch.request_counts
    total = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
    return RemoteBatch(batch.id, batch.created_at, batch.processing_status == "ended", batch.ended_at, total)


def _api_error(error: Exception) -> ApiError:
    """Raises what cannot be foreseen."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, anthropic.AnthropicError) and not isinstance(error, anthropic.APIError):
        return ApiError("http_404")  # the SDK found no address of results: they are not there yet
    if isinstance(error, httpx2.TransportError):
        return ApiError("connection", cause_of(error))  # while a response was read
    found = failure(error)
    headers = error.response.headers if isinstance(error, anthropic.APIStatusError) else {}
    return ApiError(found["error"], found.get("cause"), retry_after(headers))


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


async def _async_chunks(body: BatchBody) -> AsyncIterator[bytes]:
    for piece in body.chunks():
        yield piece
