"""Batches with their requests and results, in a SQLite file that outlives the process."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.sandbox.batchbody import invalid
from pipeline.sandbox.faults import draw

BUSY_TIMEOUT_S = 60
EXPIRES_S = 24 * 60 * 60

Kind = Literal["succeeded", "errored", "canceled", "expired"]

_TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at REAL NOT NULL,
    cancel_initiated_at REAL, ended_at REAL, total INTEGER NOT NULL DEFAULT 0, answered INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0, errored INTEGER NOT NULL DEFAULT 0, canceled INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS open_batches ON batches (number) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS requests (
    batch INTEGER NOT NULL, position INTEGER NOT NULL, place REAL NOT NULL, custom_id TEXT NOT NULL,
    params TEXT, result TEXT, PRIMARY KEY (batch, position), UNIQUE (batch, custom_id));
CREATE INDEX IF NOT EXISTS places ON requests (batch, place, position);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""

_COLUMNS = (
    "number, id, created_at, cancel_initiated_at, ended_at, total, answered, succeeded, errored, canceled, expired"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch. Times are seconds since 1970."""

    number: int
    """Counts the batches of the file from 1."""
    id: str
    created_at: float
    cancel_initiated_at: float | None
    ended_at: float | None
    total: int
    answered: int
    """Requests are answered in their order, so these are the first ones."""
    succeeded: int
    errored: int
    canceled: int
    expired: int

    @property
    def expires_at(self) -> float:
        """When the requests without an answer expire."""
        return self.created_at + EXPIRES_S


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request without an answer."""

    position: int
    custom_id: str
    params: str


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a request; `json` is the result object of the API."""

    position: int
    kind: Kind
    json: str


@dataclass(frozen=True, slots=True)
class Line:
    """A result with its place in the order in which results are read."""

    place: float
    position: int
    custom_id: str
    result: str


START = Line(-1.0, -1, "", "")
"""Stands before the first line."""


class BatchFile:
    """The content of the file, within one transaction; see `opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def count(self, name: str) -> int:
        """How often this was called with the name before. The file keeps it."""
        sql = "INSERT INTO counters VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count"
        return int(self._connection.execute(sql, (name,)).fetchall()[0][0]) - 1

    def add(self, batch_id: str, seed: int, requests: Iterable[tuple[str, str]]) -> Batch:
        """Store a batch. Raises Rejected if two requests have the same custom id."""
        sql = "INSERT INTO batches (id, created_at) VALUES (?, ?)"
        number = self._connection.execute(sql, (batch_id, time.time())).lastrowid
        total = 0
        for position, (custom_id, params) in enumerate(requests):
            row = (number, position, draw(seed, number, custom_id), custom_id, params)
            try:
                self._connection.execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?, NULL)", row)
            except sqlite3.IntegrityError:
                raise invalid(f"requests.{position}.custom_id: {custom_id} is not unique") from None
            total = position + 1
        # the API counts 24 hours from the moment that it knows the batch
        self._connection.execute(
            "UPDATE batches SET total = ?, created_at = ? WHERE number = ?", (total, time.time(), number)
        )
        return self._select("id = ?", batch_id)[0]

    def find(self, batch_id: str) -> Batch | None:
        """The batch with an id, or None."""
        found = self._select("id = ?", batch_id)
        return found[0] if found else None

    def unfinished(self) -> list[Batch]:
        """Batches that have not ended, oldest first."""
        return self._select("ended_at IS NULL ORDER BY number")

    def newest(self, limit: int, after: int | None = None) -> list[Batch]:
        """The newest batches, or the newest of those that are older than number `after`."""
        if after is None:
            return self._select("1 ORDER BY number DESC LIMIT ?", limit)
        return self._select("number < ? ORDER BY number DESC LIMIT ?", after, limit)

    def newer(self, limit: int, before: int) -> list[Batch]:
        """The oldest of the batches that are newer than number `before`, in ascending order."""
        return self._select("number > ? ORDER BY number LIMIT ?", before, limit)

    def cancel(self, batch: Batch) -> None:
        """Note when the cancellation was initiated; a second one changes nothing."""
        sql = "UPDATE batches SET cancel_initiated_at = coalesce(cancel_initiated_at, ?) WHERE number = ?"
        self._connection.execute(sql, (time.time(), batch.number))

    def delete(self, batch: Batch) -> None:
        """Delete a batch with its requests and results."""
        self._connection.execute("DELETE FROM requests WHERE batch = ?", (batch.number,))
        self._connection.execute("DELETE FROM batches WHERE number = ?", (batch.number,))

    def waiting(self, batch: Batch, limit: int) -> list[Waiting]:
        """The next requests to answer, in their order."""
        sql = "SELECT position, custom_id, params FROM requests WHERE batch = ? AND position >= ? AND position < ?"
        rows = self._connection.execute(
            f"{sql} ORDER BY position", (batch.number, batch.answered, batch.answered + limit)
        )
        return [Waiting(*row) for row in rows]

    def answer(self, batch: Batch, results: list[Result]) -> None:
        """Store the results of the next requests. The texts of their requests are erased."""
        self._connection.executemany(
            "UPDATE requests SET params = NULL, result = ? WHERE batch = ? AND position = ?",
            [(result.json, batch.number, result.position) for result in results],
        )
        for result in results:
            sql = f"UPDATE batches SET answered = answered + 1, {result.kind} = {result.kind} + 1 WHERE number = ?"
            self._connection.execute(sql, (batch.number,))

    def answer_rest(self, batch: Batch, kind: Literal["canceled", "expired"]) -> None:
        """All requests without an answer end as canceled or expired."""
        sql = "UPDATE requests SET params = NULL, result = ? WHERE batch = ? AND position >= ?"
        self._connection.execute(sql, (f'{{"type":"{kind}"}}', batch.number, batch.answered))
        sql = f"UPDATE batches SET {kind} = {kind} + total - answered, answered = total WHERE number = ?"
        self._connection.execute(sql, (batch.number,))

    def end(self, batch: Batch) -> None:
        """Note that a batch has ended."""
        self._connection.execute("UPDATE batches SET ended_at = ? WHERE number = ?", (time.time(), batch.number))

    def lines(self, batch: Batch, after: Line, limit: int) -> list[Line]:
        """The next results, in the order of their places."""
        sql = (
            "SELECT place, position, custom_id, result FROM requests "
            "WHERE batch = ? AND (place, position) > (?, ?) ORDER BY place, position LIMIT ?"
        )
        rows = self._connection.execute(sql, (batch.number, after.place, after.position, limit))
        return [Line(*row) for row in rows]

    def _select(self, condition: str, *values: object) -> list[Batch]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM batches WHERE {condition}", values)
        return [Batch(*row) for row in rows]


@contextmanager
def opened(path: Path, writes: bool = True) -> Iterator[BatchFile]:
    """One transaction on the file, which is created if it is missing. Those that write wait for each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON")  # otherwise erased texts stay readable in free pages of the file
        connection.execute("PRAGMA journal_mode=WAL")  # so that nobody waits for a large batch that is being stored
        connection.execute("PRAGMA synchronous=OFF")  # a killed process loses nothing, only a power cut does
        connection.executescript(_TABLES)
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        yield BatchFile(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.close()
