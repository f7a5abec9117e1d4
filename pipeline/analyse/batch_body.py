"""The body of a new batch: written to a temporary file, since it may have a quarter of a gigabyte."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

MOST_REQUESTS = 100_000
MOST_BYTES = 256_000_000 - 100_000
"""The API's limits, less what surrounds the requests."""

_BEGIN, _BETWEEN, _END = b'{"requests":[', b",", b"]}"
_CHUNK = 1 << 20


class BatchBody:
    """Collects requests. Use it as a context manager: the file goes with it, and has no name meanwhile."""

    def __init__(self, most_requests: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES) -> None:
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self.requests = 0
        self.size = 0
        """Bytes so far."""

    def __enter__(self) -> BatchBody:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def has_room(self, requests: int, size: int) -> bool:
        """Whether so many more requests of so many bytes together may be added."""
        return self.requests + requests <= self._most_requests and self.size + size <= self._most_bytes

    def add(self, request: bytes) -> None:
        """Add a request that `encode` has made."""
        piece = (_BETWEEN if self.requests else _BEGIN) + request
        self._file.write(piece)
        self.size += len(piece)
        self.requests += 1

    def end(self) -> None:
        """No more requests are added."""
        self._file.write(_END)
        self.size += len(_END)

    def chunks(self) -> Iterator[bytes]:
        """The whole body, piece by piece; may be called again."""
        self._file.seek(0)
        while piece := self._file.read(_CHUNK):
            yield piece


def encode(custom_id: str, params: Mapping[str, Any]) -> bytes:
    """One request of a batch."""
    return json.dumps({"custom_id": custom_id, "params": params}, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def custom_id(batch: str, text_id: int) -> str:
    """What ties a result to its text: our name of the batch, and the store's number of the text."""
    return f"{batch}-{text_id}"


def text_id_of(custom: str, batch: str) -> int | None:
    """The text that a result of this batch is about; None for a result of another one."""
    name, _, number = custom.rpartition("-")
    return int(number) if name == batch and number.isascii() and number.isdigit() and len(number) < 19 else None
