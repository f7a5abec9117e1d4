"""Parses newline-delimited JSON as a load job of BigQuery does, and checks each row against the schema."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be loaded."""

    position: int
    """Offset of its line in bytes, as in BigQuery's messages."""
    message: str


Schema = Sequence[Mapping[str, Any]]
"""Fields with name, type and mode, as in the API."""


def parse_rows(payload: bytes, schema: Schema) -> Iterator[tuple[int, list[Any]] | BadRow]:
    """The position and values of each row in the order of the schema, or its problem."""
    position = 0
    for line in payload.split(b"\n"):
        if line.strip():
            try:
                yield position, _values(json.loads(line), schema)
            except ValueError as error:
                yield BadRow(position, f"JSON parsing error in row starting at position {position}: {error}")
        position += len(line) + 1


def _values(row: Any, schema: Schema) -> list[Any]:
    if not isinstance(row, dict):
        raise ValueError("Only JSON objects can be rows")
    unknown = set(row) - {field["name"] for field in schema}
    if unknown:
        raise ValueError(f"No such field: {min(unknown)}.")
    return [_value(row.get(field["name"]), field) for field in schema]


def _value(value: Any, field: Mapping[str, Any]) -> Any:
    if value is None:
        if field.get("mode") == "REQUIRED":
            raise ValueError(f"Missing required field: {field['name']}.")
        return None
    try:
        return READERS[field["type"]](value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"Couldn't convert value to {field['type'].lower()}. Field: {field['name']}") from error


def _string(value: Any) -> str:
    if isinstance(value, dict | list):
        raise TypeError
    return value if isinstance(value, str) else json.dumps(value)


def _float(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError
    return number


def _timestamp(value: Any) -> str:
    instant = datetime.fromisoformat(value)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


READERS: Mapping[str, Any] = {
    "STRING": _string,
    "FLOAT": _float,
    "FLOAT64": _float,
    "INTEGER": int,
    "INT64": int,
    "DATE": lambda value: date.fromisoformat(value).isoformat(),
    "TIMESTAMP": _timestamp,
    "JSON": lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True),
}
