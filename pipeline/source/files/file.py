"""Reads verbatims from a file of any usual format, or from standard input."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import BinaryIO

from pipeline.errors import InputError, TransientError
from pipeline.records import BrokenRecord, IdOrigin, Review
from pipeline.source import fields
from pipeline.source.files.columns import Columns, resolve
from pipeline.source.files.decoding import OLDER
from pipeline.source.files.formats import Format
from pipeline.source.files.opening import open_input
from pipeline.source.files.reader import MAX_LABEL, ReviewMaker
from pipeline.source.files.survey import Survey
from pipeline.source.files.table import SAMPLE
from pipeline.source.history import NO_HISTORY, CrawlHistory
from pipeline.source.source import Prepare, unchanged


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a file is to be read, as far as the user says it."""

    columns: Columns = field(default_factory=Columns)
    source: str | None = None
    """The label of all records; without it they have that of their column `source`, or the file's name."""
    language: str | None = None
    """Applies to records that do not state theirs."""
    date_format: str | None = None
    """One of Python's strptime; without it the column's format is found out."""
    rating_scale: float | None = None
    """The best rating; without it the column's name or its values decide."""


class File:
    """One file, or stdin for `-`. The constructor raises InputError for a file that cannot be read at all.

    Fewer verbatims than `expected` are an error. A file is read several times: to find out how it is written, to
    compare it with the store, then for its records; memory is constant, apart from 200 bytes per record for ids.
    """

    def __init__(
        self,
        path: str,
        reading: ReadOptions | None = None,
        stdin: BinaryIO | None = None,
        *,
        expected: int | None = None,
    ) -> None:
        self._reading = reading or ReadOptions()
        self._expected = expected
        self._dropped: str | None = None
        self._shared = 0
        self._input = open_input(path, stdin)
        self.file = self._input.name
        self.name = self._reading.source or self.file
        with self._failing_as(InputError, "cannot be read"):
            self._format = Format(self._input)
            survey = self._survey()
        self._tell(survey)

    def reviews(
        self, history: CrawlHistory = NO_HISTORY, prepare: Prepare = unchanged, ids: fields.ContentIds | None = None
    ) -> Iterator[Review | BrokenRecord]:
        """All records in the order of the file. Raises InputError for too few, TransientError for a failing disk.

        `ids`: shared with other files of one input, so that equal records of all of them are told apart.
        """
        label = self._reading.source or self._input.stem[:MAX_LABEL]
        labelled = self._reading.source is not None
        ids = ids or fields.ContentIds()
        maker = ReviewMaker(self._rows, label, self._reading.language, self._origin, ids, labelled=labelled)
        total = found = 0
        with self._failing_as(TransientError, "reading stopped"), self._format.table() as table:
            for row in table.records:
                record = row if isinstance(row, BrokenRecord) else maker.review(*row)
                total, found = total + 1, found + (isinstance(record, Review) and record.text != "")
                yield prepare(record) if isinstance(record, Review) else record
        if not total or (self._expected is not None and found < self._expected):
            wanted = f", where {self._expected} are expected" if self._expected else ""
            raise InputError(f"{self.file}: holds {found or 'no'} verbatims{wanted}")

    def again(self, prepare: Prepare = unchanged) -> Iterator[Review | BrokenRecord]:
        """See `Source.again`."""
        return self.reviews(prepare=prepare)

    def finish(self, history: CrawlHistory = NO_HISTORY) -> list[str]:
        """No warnings and no history: a file is read completely every time."""
        return []

    @property
    def guesses_ids(self) -> bool:
        """Whether its id column was found by its name alone."""
        return self._origin is IdOrigin.GUESSED

    def make_ids_of_content(self, shared: int) -> None:
        """Leave its id column alone: so many of its values stand beside several texts."""
        with self._failing_as(InputError, "cannot be read"):
            self._tell(self._without_ids(self._rows.columns, shared))

    def _tell(self, survey: Survey) -> None:
        self._rows = survey.rows
        self._origin = _origin(self._reading.columns, survey.rows.columns)
        self.guesses = [*self._about_format(survey), *self._about_ids(survey), *survey.report()]

    def _survey(self) -> Survey:
        wanted = self._reading.columns
        with self._format.table() as table:
            sample = [row[1] for row in islice(table.records, SAMPLE) if not isinstance(row, BrokenRecord)]
            columns = resolve(wanted, table.names, sample, self.file)
        survey = self._look(columns)
        # an id column that nobody named, such as a customer's number, must not merge different texts
        if survey.shared_ids and wanted.id is None:
            return self._without_ids(columns, survey.shared_ids)
        return survey

    def _without_ids(self, columns: Columns, shared: int) -> Survey:
        self._dropped, self._shared = columns.id, shared
        return self._look(replace(columns, id=None))

    def _look(self, columns: Columns) -> Survey:
        reading = self._reading
        return Survey(
            self._format.table, columns, reading.columns, date_format=reading.date_format, scale=reading.rating_scale,
            labelled=reading.source is not None,
        )  # fmt: skip

    def _about_format(self, survey: Survey) -> Iterator[str]:
        broken = f", {survey.broken} of them unreadable" if survey.broken else ""
        empty = f", {survey.empty} without a text" if survey.empty else ""
        yield f"{self._format}: {_counted(survey.records, 'record')}{broken}{empty}"
        if self._format.encoding in OLDER:
            yield f"encoding: {OLDER[self._format.encoding]} (guessed, since it is not UTF-8; save as UTF-8 to be sure)"

    def _about_ids(self, survey: Survey) -> Iterator[str]:
        if self._dropped is not None:
            yield (
                f'warning: no id column: {_counted(self._shared, "value")} of "{self._dropped}" beside several texts, '
                f"so ids are made from the content; --id-column {self._dropped} takes it all the same"
            )
        elif self._origin is IdOrigin.CONTENT:
            yield "no id column: ids are made from the content (--id-column to name one)"
        elif survey.shared_ids:
            yield f"warning: {_counted(survey.shared_ids, 'id')} beside several texts; only the first of each is taken"

    @contextmanager
    def _failing_as(self, kind: type[InputError | TransientError], what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or "it is cut or damaged"
            raise kind(
                f"{self.file}: {what} ({fields.plain(reason)}); mend it and run the same command again"
            ) from error


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _origin(wanted: Columns, columns: Columns) -> IdOrigin:
    if columns.id is None:
        return IdOrigin.CONTENT
    return IdOrigin.GUESSED if wanted.id is None else IdOrigin.NAMED
