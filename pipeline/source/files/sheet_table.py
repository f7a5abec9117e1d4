"""Reads the first visible sheet of an Excel file that holds a record."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from pipeline.errors import InputError
from pipeline.source.files.columns import shown
from pipeline.source.files.decoding import MAX_LINE
from pipeline.source.files.table import Row, Table

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How files of Excel begin, new and old ones."""

MAX_FILE, MAX_UNPACKED = 100_000_000, 1_000_000_000
"""Bytes. A sheet is read as a whole; packed bytes may stand for a thousand times as many."""


MAX_CELLS = 20_000_000
"""From the first cell to the last one: the reader makes a table of all that lie between, empty or not. A workbook of
1.7 KB may have one cell in the last row and column, and ask for 17 billion. The old format has fewer than these."""

_CHUNK = 1 << 20

_REFERENCE = re.compile(rb"""r(?<=[\s"']r)\s*=\s*["']([A-Za-z]{0,9})0*(\d{1,9})["']""")
_TAG = re.compile(rb"<(?:\w+:)?(row|c)(?=[\s/>])")


def read_sheet(stream: BinaryIO, name: str) -> Table:
    """The table of a workbook. Raises InputError if it cannot be read, or holds no record."""
    content = stream.read(MAX_FILE + 1)
    try:
        if len(content) > MAX_FILE or (content.startswith(ZIP) and _is_too_large(content, name)):
            raise InputError(f"{name}: too large for a sheet; save it as CSV")
        return _first_table(CalamineWorkbook.from_filelike(io.BytesIO(content)), name)
    except (CalamineError, OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise _unreadable(name) from error
    except BaseException as error:
        # what a failed assertion of the reader, which is written in Rust, becomes in Python; it has no importable class
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(name) from error


def _unreadable(name: str) -> InputError:
    return InputError(f"{name}: a ZIP file or a sheet that cannot be read; save it as CSV")


def _first_table(workbook: CalamineWorkbook, name: str) -> Table:
    """The first visible sheet with a header and a record; a hidden one is nothing that its user looks at."""
    visible = [one.name for one in workbook.sheets_metadata if one.visible is SheetVisibleEnum.Visible]
    others = len(workbook.sheet_names) - 1
    only_header = False
    for sheet in visible:
        rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        filled = [(number, row) for number, row in enumerate(rows, 1) if any(value != "" for value in row)]
        only_header = only_header or len(filled) == 1
        if len(filled) > 1:
            names = [str(_value(value)).strip() for value in filled[0][1]]
            note = f" {shown([sheet], 'name')}, {others} other{'s' if others > 1 else ''} not read" if others else ""
            return Table([one for one in names if one], _records(names, filled[1:]), note)
    raise InputError(f"{name}: {'a header, but no record' if only_header else 'no record'}")


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


def _is_too_large(content: bytes, name: str) -> bool:
    """Whether reading the workbook would take too much memory. Raises InputError for one that is none of Excel's."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        names = {entry.filename.replace("\\", "/").lower() for entry in entries}
        # of the other formats that the reader would try, nothing can say how large they become
        if "xl/workbook.xml" not in names or names & {"content.xml", "xl/workbook.bin"}:
            raise _unreadable(name)
        if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
            return True
        # a sheet may have any name, and an archive several parts of one name
        return any(_cells(archive, entry) > MAX_CELLS for entry in entries if not entry.is_dir())


def _cells(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """The cells from the first to the last one of a part; 0 for a part that is no sheet."""
    extent, rest, is_sheet = _Extent(), b"", False
    with archive.open(entry) as part:
        while chunk := part.read(_CHUNK):
            rest += chunk
            is_sheet = is_sheet or b"sheetData" in rest
            # up to the last tag that is certainly whole
            end = rest.rfind(b"<") if is_sheet else max(0, len(rest) - 8)
            if is_sheet:
                extent.add(rest[:end])
            rest = rest[end:]
            if len(rest) > MAX_LINE:
                return MAX_CELLS + 1
    if is_sheet:
        extent.add(rest)
    return extent.cells


class _Extent:
    """How far the cells of a sheet reach. Rows and cells may leave out where they are: then they follow the last."""

    def __init__(self) -> None:
        self._last_row = self._last_column = 0
        self._unplaced_rows = self._unplaced_cells = self._in_row = 0

    def add(self, markup: bytes) -> None:
        """Take a piece of the sheet."""
        references = _REFERENCE.findall(markup)
        for letters in {letters for letters, _ in references}:
            self._last_column = max(self._last_column, _column(letters))
        self._last_row = max(self._last_row, max((int(row) for row in {row for _, row in references}), default=0))
        tags = _TAG.findall(markup)
        rows = tags.count(b"row")
        cells = len(tags) - rows
        placed = sum(bool(letters) for letters, _ in references)
        self._unplaced_rows += max(0, rows - (len(references) - placed))
        if cells <= placed:
            self._in_row = 0
            return
        for tag in tags:
            self._in_row = 0 if tag == b"row" else self._in_row + 1
            self._unplaced_cells = max(self._unplaced_cells, self._in_row)

    @property
    def cells(self) -> int:
        """Never fewer than there are."""
        return (self._last_row + self._unplaced_rows) * (self._last_column + self._unplaced_cells)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return number
