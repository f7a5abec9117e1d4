"""Reads the first sheet of an Excel or OpenDocument file that holds anything."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineWorkbook

from pipeline.errors import InputError
from pipeline.source.files.table import Row, Table

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How files of Excel begin, new and old ones."""

MAX_FILE, MAX_UNPACKED = 100_000_000, 1_000_000_000
"""Bytes. A sheet is read as a whole; packed bytes may stand for a thousand times as many."""


def read_sheet(stream: BinaryIO, name: str) -> Table:
    """The table of a workbook. Raises InputError if it cannot be read, or holds no record."""
    content = stream.read(MAX_FILE + 1)
    if len(content) > MAX_FILE or _unpacked(content) > MAX_UNPACKED:
        raise InputError(f"{name}: too large for a sheet; save it as CSV")
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = (workbook.get_sheet_by_name(one).to_python() for one in workbook.sheet_names)
        rows = next((rows for rows in sheets if rows), [])
    except (CalamineError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{name}: a ZIP file or a sheet that cannot be read; save it as CSV") from error
    return _table(rows, name)


def _table(rows: Sequence[Sequence[Any]], name: str) -> Table:
    filled = [(number, row) for number, row in enumerate(rows, 1) if any(value != "" for value in row)]
    if len(filled) < 2:
        raise InputError(f"{name}: {'a header, but no record' if filled else 'no record'}")
    names = [str(_value(value)).strip() for value in filled[0][1]]
    return Table([one for one in names if one], _records(names, filled[1:]))


def _records(names: Sequence[str], rows: Sequence[tuple[int, Sequence[Any]]]) -> Iterator[Row]:
    for number, row in rows:
        yield number, {name: _value(value) for name, value in zip(names, row, strict=False) if name}


def _value(value: Any) -> object:
    """Days and instants as ISO 8601; a sheet has no whole numbers, so 42.0 is 42."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value if isinstance(value, str | int | float) else str(value)


def _unpacked(content: bytes) -> int:
    if not content.startswith(ZIP):
        return len(content)
    try:
        return sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(content)).infolist())
    except (zipfile.BadZipFile, ValueError, OSError):
        return len(content)
