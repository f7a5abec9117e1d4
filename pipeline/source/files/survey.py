"""Looks at a whole file before anything is taken from it, and says how each of its columns is read."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

from pipeline.records import BrokenRecord
from pipeline.source import fields
from pipeline.source.files.columns import ROLES, Columns, shown
from pipeline.source.files.dates import DateColumn
from pipeline.source.files.ratings import RatingColumn
from pipeline.source.files.reader import MAX_NAME, RowReader
from pipeline.source.files.table import Table

SHAPES = 3
"""Examples of values that could not be read."""

SHAPE = 30
"""Characters of an example."""

FIRST = 1_000
"""Records whose other columns are looked at."""

OpenTable = Callable[[], AbstractContextManager[Table]]


class Survey:
    """What a file holds. Reads it twice: the first time decides how dates and ratings are written."""

    def __init__(
        self,
        table: OpenTable,
        columns: Columns,
        named: Columns,
        *,
        date_format: str | None = None,
        scale: float | None = None,
        labelled: bool = False,
    ) -> None:
        self._table, self._named, self._labelled = table, named, labelled
        self.records = self.broken = self.empty = 0
        self.shared_ids = 0
        """Ids that several texts of one source have."""
        self._read: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self._shapes: dict[str, list[str]] = {role: [] for role in ROLES}
        self._kept: set[str] = set()
        """Names of other columns with a value in the first records."""
        dates, ratings = DateColumn(date_format), RatingColumn(columns.rating, scale)
        with table() as opened:
            self.rows = RowReader(columns, opened.names, dates, ratings)
            for record in _records(opened):
                dates.look(self.rows.value(record, "date"))
                ratings.look(self.rows.value(record, "rating"))
        self._count()

    def report(self) -> list[str]:
        """A line for each column that has a role, then what else is kept; warnings last."""
        columns = self.rows.columns
        lines = [self._line(role) for role in ROLES if getattr(columns, role) is not None]
        missing = [role for role in ROLES if getattr(columns, role) is None and role != "id"]
        if self.rows.source_column and not self._labelled:
            lines.append(f'source column: "{self.rows.source_column}", whose values label the records (or --source)')
        if missing:
            options = ", ".join(f"--{role}-column" for role in missing)
            lines.append(f"no column for {', '.join(missing)} ({options} to name one)")
        if kept := [name for name in self.rows.extra if fields.plain(name)[:MAX_NAME] in self._kept]:
            lines.append(f"kept with each row: {shown(kept)}")
        if self.rows.left_out:
            lines.append(f"left out, since they may say who wrote: {shown(self.rows.left_out)}")
        return lines + [f"warning: {warning}" for warning in self._warnings()]

    def _count(self) -> None:
        texts: dict[bytes, bytes] = {}
        shared: set[bytes] = set()
        with self._table() as opened:
            for row in opened.records:
                self.records += 1
                if isinstance(row, BrokenRecord):
                    self.broken += 1
                    continue
                self._count_record(row[1])
                one, text = self.rows.id(row[1]), self.rows.text(row[1])
                if one is None or not text:
                    continue
                # 16-byte hashes: a file of a million records is looked at in some 200 MB
                source = None if self._labelled else self.rows.source(row[1])
                key, words = digest(f"{source}\0{one}"), digest(text)
                if texts.setdefault(key, words) != words:
                    shared.add(key)
        self.shared_ids = len(shared)

    def _count_record(self, record: Mapping[str, object]) -> None:
        rows = self.rows
        if self.records <= FIRST:
            # lists and objects are not kept
            self._kept.update(rows.kept(record) or ())
        self.empty += rows.text(record) == ""
        readers: Mapping[str, Callable[[Mapping[str, object]], object]] = {
            "text": rows.text, "id": rows.id, "rating": rows.rating, "date": rows.written, "language": rows.language,
            "url": rows.url,
        }  # fmt: skip
        for role, read in readers.items():
            value = rows.value(record, role)
            if value is None or not str(value).strip():
                continue
            if read(record) is not None:
                self._read[role] += 1
            else:
                self._unread[role] += 1
                self._note_shape(role, str(value))

    def _note_shape(self, role: str, value: str) -> None:
        shapes = self._shapes[role]
        if len(shapes) < SHAPES and (shape := shape_of(value)) not in shapes:
            shapes.append(shape)

    def _line(self, role: str) -> str:
        name = getattr(self.rows.columns, role)
        how = "named" if getattr(self._named, role) is not None else f"guessed; --{role}-column to change"
        parts = [f'{role} column: "{name}" ({how})', f"{self._read[role]} read"]
        if self._unread[role]:
            parts.append(f"{self._unread[role]} unread such as {' or '.join(self._shapes[role])}")
        decided = {"date": self.rows.dates.order, "rating": self.rows.ratings.decided}.get(role, lambda: None)()
        return ", ".join(parts) + (f"; {decided}" if decided else "")

    def _warnings(self) -> Iterator[str]:
        readable = self.records - self.broken
        if not readable:
            yield "no record can be read; `verbatims failed` lists why"
        elif self.empty == readable:
            yield f"no record has a text; is {self.rows.columns.text} the right column? --text-column names another"
        for role in ("rating", "date", "language", "url"):
            if self._unread[role] and not self._read[role]:
                yield f"no {role} can be read: {self._unread[role]} values such as {' or '.join(self._shapes[role])}"


def shape_of(value: str) -> str:
    """What a value looks like, without what it says: each word as `a`, each digit as `9`."""
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]+", "a", " ".join(value.split())))[:SHAPE]


def _records(table: Table) -> Iterator[Mapping[str, object]]:
    for row in table.records:
        if not isinstance(row, BrokenRecord):
            yield row[1]


def digest(text: str) -> bytes:
    """16 bytes that stand for a text: a million of them fit into memory."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
