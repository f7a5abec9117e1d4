"""Validates rows against the table's description and splits them into shards."""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import accumulate
from typing import Any

from pipeline.load.table import Column, TableDescription
from pipeline.load.warehouse import RejectedRow
from pipeline.records import WarehouseRow

SHARD_BYTES = 8_000_000
"""Largest payload of one job, kept in memory. Above 5 MB the client uses a resumable upload."""

SHARD_ROWS = 10_000
"""Most rows of one job."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows that one job loads, each a line of JSON."""

    ids: tuple[str, ...]
    days: tuple[str, ...]
    """The day of each row's partition."""
    lines: tuple[bytes, ...]

    @property
    def payload(self) -> bytes:
        """The body of the load job, newline-delimited JSON."""
        return b"".join(self.lines)

    @property
    def digest(self) -> str:
        """Identifies the shard: equal for the same rows in the same order."""
        return hashlib.sha256(self.payload).hexdigest()[:32]

    def row_at(self, position: int) -> int | None:
        """Number of the row that contains this byte of the payload; None outside of it."""
        starts = list(accumulate(map(len, self.lines), initial=0))
        return bisect_right(starts, position) - 1 if 0 <= position < starts[-1] else None

    def without(self, rows: Collection[int]) -> Shard:
        """The shard without those row numbers."""
        return self._of([number for number in range(len(self.ids)) if number not in rows])

    def halves(self) -> tuple[Shard, Shard]:
        """Both halves of the shard, for a binary search of the row that fails."""
        middle = len(self.ids) // 2
        return self._of(range(middle)), self._of(range(middle, len(self.ids)))

    def _of(self, numbers: Iterable[int]) -> Shard:
        kept = list(numbers)
        return Shard(*(tuple(part[number] for number in kept) for part in (self.ids, self.days, self.lines)))  # type: ignore[arg-type]


def shards(
    pages: Iterable[Sequence[WarehouseRow]], table: TableDescription, refused: list[RejectedRow]
) -> Iterator[Shard]:
    """Split the valid rows into shards, in order; append the invalid ones to `refused`, without their values."""
    ids: list[str] = []
    days: list[str] = []
    lines: list[bytes] = []
    size = 0
    # row by row, since the pages are generated and may not fit into memory together
    for row in (row for page in pages for row in page):
        values = values_of(row)
        if problem := problem_of(values, table):
            refused.append(RejectedRow(row.verbatim_id, problem))
            continue
        line = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if ids and (size + len(line) > SHARD_BYTES or len(ids) == SHARD_ROWS):
            yield Shard(tuple(ids), tuple(days), tuple(lines))
            ids, days, lines, size = [], [], [], 0
        ids.append(row.verbatim_id)
        days.append(row.seen_on)
        lines.append(line)
        size += len(line)
    if ids:
        yield Shard(tuple(ids), tuple(days), tuple(lines))


def values_of(row: WarehouseRow) -> dict[str, Any]:
    """Column → value."""
    values = asdict(row)
    return {**values, "topics": list(values["topics"]), "new_topics": list(values["new_topics"])}


def problem_of(values: Mapping[str, Any], table: TableDescription) -> str | None:
    """Why a row does not fit its table, without its values; None if it does."""
    for column in table.columns:
        value = values[column.name]
        if value is None:
            if column.required:
                return f"{column.name} is null"
        elif not _fits(value, column):
            return f"{column.name} is no {column.type}"
    return None


def _fits(value: Any, column: Column) -> bool:
    try:
        return FITTING[column.type](value)
    except (TypeError, ValueError, OverflowError):
        return False


def _is_text(value: Any) -> bool:
    # encode() raises for a lone surrogate, which UTF-8 cannot hold
    return (isinstance(value, str) and "\0" not in value and bool(value.encode())) or value == ""


def _is_number(value: Any) -> bool:
    # bool is a subclass of int; NaN and infinity are no JSON
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_day(value: Any) -> bool:
    # fromisoformat() also accepts 20260131 and 2026-W05-6, which BigQuery refuses
    return isinstance(value, str) and date.fromisoformat(value).isoformat() == value


def _is_instant(value: Any) -> bool:
    # without a zone BigQuery would take it for UTC
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _is_json(value: Any) -> bool:
    return isinstance(value, list | dict) and bool(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())


FITTING: Mapping[str, Callable[[Any], bool]] = {
    "STRING": _is_text,
    "FLOAT64": _is_number,
    "INT64": _is_whole,
    "DATE": _is_day,
    "TIMESTAMP": _is_instant,
    "JSON": _is_json,
}
"""Column type → test whether a value fits it."""
