"""The warehouse's rows as a file: CSV, JSON Lines or Parquet, a page of rows in memory at a time."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any

from pipeline.errors import SettingsError
from pipeline.load.table import ANALYSED, Column, Parameter, describe
from pipeline.peek import Rows

PAGE = 5_000
"""Rows per query, some 10 MB; each query scans the table on BigQuery."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that Excel would calculate, which anybody who writes a review could make it do."""

Row = Mapping[str, Any]
Page = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows."""

    run_id: str | None = None
    source: str | None = None
    since: date | None = None
    """First seen on this day or later."""


def pages(rows: Rows, wanted: Wanted) -> Iterator[Page]:
    """The rows in the order of verbatim_id, their values as Python's: days, instants, lists."""
    columns = describe(ANALYSED).columns
    given: dict[str, Parameter | None] = {"run": wanted.run_id, "source": wanted.source, "since": wanted.since}
    used = {name: value for name, value in given.items() if value is not None}
    conditions = {"run": "run_id = @run", "source": "source = @source", "since": "seen_on >= @since"}
    where = " AND ".join(["verbatim_id > @after", *(conditions[name] for name in used)])
    names = ", ".join(column.name for column in columns)
    # by id, not by OFFSET: rows that come and go meanwhile neither repeat nor hide others
    sql = f"SELECT {names} FROM {ANALYSED} WHERE {where} ORDER BY verbatim_id LIMIT {PAGE}"
    after = ""
    while page := [_typed(row, columns) for row in rows.query(sql, {**used, "after": after})]:
        yield page
        after = page[-1]["verbatim_id"]


def _typed(row: Row, columns: Sequence[Column]) -> Row:
    return {column.name: _value(row[column.name], column.type) for column in columns}


def _value(value: Any, kind: str) -> Any:
    """The same from every warehouse: SQLite keeps days, instants and lists as text."""
    if not isinstance(value, str):
        return value
    read = {"DATE": date.fromisoformat, "TIMESTAMP": _instant, "JSON": json.loads}.get(kind)
    return read(value) if read else value


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def write_csv(found: Iterable[Page], target: IO[bytes], *, to_file: bool) -> int:
    """Lists as JSON; a text that begins like a formula behind an apostrophe; a file with the mark Excel needs."""
    names = [column.name for column in describe(ANALYSED).columns]
    written = 0
    with _text(target, "utf-8-sig" if to_file else "utf-8") as text:
        lines = csv.writer(text)
        lines.writerow(names)
        for page in found:
            lines.writerows([_cell(row[name]) for name in names] for row in page)
            written += len(page)
    return written


def write_jsonl(found: Iterable[Page], target: IO[bytes], *, to_file: bool) -> int:
    """An object per line, values unchanged."""
    written = 0
    with _text(target, "utf-8") as text:
        for page in found:
            text.writelines(_json(row) + "\n" for row in page)
            written += len(page)
    return written


def write_parquet(found: Iterable[Page], target: IO[bytes], *, to_file: bool) -> int:
    """Columns with their types, lists as JSON; a row group per page."""
    arrow, parquet = _pyarrow()
    columns = describe(ANALYSED).columns
    kinds = {"STRING": arrow.string(), "JSON": arrow.string(), "FLOAT64": arrow.float64(), "INT64": arrow.int64()}
    kinds |= {"DATE": arrow.date32(), "TIMESTAMP": arrow.timestamp("us", tz="UTC")}
    schema = arrow.schema([arrow.field(one.name, kinds[one.type], not one.required) for one in columns])
    lists = [column.name for column in columns if column.type == "JSON"]
    written = 0
    with parquet.ParquetWriter(target, schema) as writer:
        for page in found:
            rows = [{**row, **{name: _cell(row[name]) for name in lists}} for row in page]
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
            written += len(page)
    return written


Writer = Callable[..., int]
WRITERS: dict[str, Writer] = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}
"""Format, which is the ending of a file too, and what writes it. Each returns the number of rows."""


def require(format: str) -> None:
    """Raises SettingsError where a library for the format is not installed."""
    if format == "parquet":
        _pyarrow()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise SettingsError("--format parquet needs one more package: pip install 'verbatims[parquet]'") from None
    return pyarrow, pyarrow.parquet


@contextmanager
def _text(target: IO[bytes], encoding: str) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(target, encoding=encoding, newline="")
    try:
        yield text
        text.flush()
    finally:
        # the stream belongs to the caller; an error of flushing what is left would hide the first one
        with contextlib.suppress(OSError):
            text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return behind_apostrophe(value) if isinstance(value, str) else value


def behind_apostrophe(text: str) -> str:
    """The same with an apostrophe before it where Excel would calculate it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, default=lambda value: value.isoformat())
