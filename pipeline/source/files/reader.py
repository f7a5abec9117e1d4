"""Turns the rows of a file into reviews."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipeline.records import BrokenRecord, IdOrigin, Review, Value
from pipeline.source import fields
from pipeline.source.files.columns import Columns
from pipeline.source.files.dates import DateColumn
from pipeline.source.files.decoding import MAX_LINE
from pipeline.source.files.ratings import RatingColumn

MAX_SOURCES = 100
"""Different values of `source` in one input. Each one adds a series to every metric."""

MAX_LABEL = 100
"""Characters of a source label."""

MAX_EXTRA, MAX_VALUE = 30, 4_000
"""Columns that are kept with a row, and characters of each; cleaning masks these and keeps half of them."""

MAX_NAME = 100
"""Characters of the name of such a column."""

_PERSONAL = frozenset({
    "author", "auteur", "user", "username", "utilisateur", "pseudo", "nickname", "nom", "prenom", "customer", "client",
    "reviewer", "profile", "profil", "email", "mail", "emailaddress", "courriel", "phone", "tel", "telephone", "mobile",
    "portable", "address", "adresse", "ip", "login", "birth", "birthday", "birthdate", "naissance", "dob", "contact",
    "signature", "handle", "owner", "expediteur", "interlocuteur", "patient", "membre", "titulaire", "from", "by",
    "avatar", "firstname", "lastname", "fullname", "surname",
})  # fmt: skip
"""A name that ends in one of these says who wrote. One that only begins so need not: `client_segment`."""

_OF_NAMES = frozenset({"first", "last", "full", "display", "screen", "family", "given", "middle", "maiden"})
_OF_PERSONS = frozenset({"id", "url", "photo", "image", "picture"})
_BORN = frozenset({"birth", "naissance", "dob"})
_ENDS = frozenset({"number", "numero", "num", "no", "line", "ligne", "hash", "complet", "complete", "famille", "de"})
"""Say nothing: `phone_number`, `nom_de_famille`, `address_line_2`."""


class RowReader:
    """How the rows of one file are read; keeps nothing from one row to the next."""

    def __init__(self, columns: Columns, names: Sequence[str], dates: DateColumn, ratings: RatingColumn) -> None:
        self.columns = columns
        self.dates, self.ratings = dates, ratings
        free = [name for name in names if name not in names_of(columns)]
        self.source_column = next((name for name in free if fields.folded(name) == "source"), None)
        others = [name for name in free if name != self.source_column]
        self.left_out = [name for name in others if is_personal(name)]
        self.extra = [name for name in dict.fromkeys(others) if name not in self.left_out][:MAX_EXTRA]
        self.left_out += [name for name in others if name not in (*self.extra, *self.left_out)]

    def text(self, record: Mapping[str, object]) -> str | None:
        """The text; empty where there is none, None for a value that is no text."""
        value = record.get(self.columns.text or "")
        if isinstance(value, list | dict):
            return None
        text = fields.plain("" if value is None else str(value)[:MAX_LINE])
        return text if text.strip() else ""

    def rating(self, record: Mapping[str, object]) -> float | None:
        """Stars out of five."""
        return self.ratings.read(self.value(record, "rating"))

    def written(self, record: Mapping[str, object]) -> str | None:
        """ISO 8601 day or instant."""
        return self.dates.read(self.value(record, "date"))

    def language(self, record: Mapping[str, object]) -> str | None:
        """ISO 639-1."""
        return fields.language(self.value(record, "language"))

    def url(self, record: Mapping[str, object]) -> str | None:
        """An address of the web."""
        value = self.value(record, "url")
        return value.strip() if isinstance(value, str) and re.match(r"\s*https?://\S+\s*$", value, re.I) else None

    def id(self, record: Mapping[str, object]) -> str | None:
        """The source's own id."""
        return fields.external_id(self.value(record, "id"))

    def source(self, record: Mapping[str, object]) -> str | None:
        """The label in the column `source`; None for one that cannot be a label."""
        value = record.get(self.source_column or "")
        label = " ".join(fields.plain(value).split()) if isinstance(value, str) and len(value) <= MAX_LABEL else ""
        # an @ is probably an e-mail address, and labels are public: they become series of metrics
        return label if label and "@" not in label else None

    def kept(self, record: Mapping[str, object]) -> Mapping[str, Value] | None:
        """The values of all other columns; None if there are none."""
        found = {fields.plain(name)[:MAX_NAME]: _value(record.get(name)) for name in self.extra}
        return {name: value for name, value in found.items() if value is not None} or None

    def value(self, record: Mapping[str, object], role: str) -> object:
        """The value of the column for a role; None if there is no such column."""
        column = getattr(self.columns, role)
        return None if column is None else record.get(column)


class ReviewMaker:
    """Makes reviews of the rows of one pass: keeps the labels seen and the ids made."""

    def __init__(
        self,
        rows: RowReader,
        label: str,
        language: str | None,
        origin: IdOrigin,
        ids: fields.ContentIds,
        *,
        labelled: bool,
    ) -> None:
        self._rows, self._label, self._language, self._labelled = rows, label, language, labelled
        self._origin = origin
        self._sources: set[str] = set()
        self._ids = ids

    def review(self, position: int, record: Mapping[str, object]) -> Review | BrokenRecord:
        """The review, with an empty text where there is none."""
        text, source = self._rows.text(record), self._source(record)
        if text is None:
            return BrokenRecord(position, "text is a list or an object")
        if source is None:
            problem = f"more than {MAX_SOURCES} different values of source; it is a label for charts"
            return BrokenRecord(position, problem)
        rows = self._rows
        rating, written = rows.rating(record), rows.written(record)
        language = rows.language(record) or self._language
        content = self._origin is IdOrigin.CONTENT
        external_id = self._content_id(source, text, record, language) if content else rows.id(record)
        if external_id is None:
            return BrokenRecord(position, "no id")
        return Review(
            source, external_id, text, position, rows.url(record), rating, language, written,
            extra=rows.kept(record), id_origin=self._origin,
        )  # fmt: skip

    def _content_id(self, source: str, text: str, record: Mapping[str, object], language: str | None) -> str:
        """Made of what each value says by itself: what the whole column decides may change with the next reading."""
        rating = fields.rating(self._rows.value(record, "rating"))
        written = fields.written_at(self._rows.value(record, "date"))
        return self._ids.give(source, text, rating, written, language)

    def _source(self, record: Mapping[str, object]) -> str | None:
        label = (None if self._labelled else self._rows.source(record)) or self._label
        if label not in self._sources and len(self._sources) == MAX_SOURCES:
            return None
        self._sources.add(label)
        return label


def is_personal(name: str) -> bool:
    """Whether a column of this name says who wrote: it is not kept."""
    bare = re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
    words = [word for part in fields.folded(bare).split("_") if (word := part.rstrip("0123456789"))]
    while len(words) > 1 and words[-1] in _ENDS:
        words.pop()
    if not words:
        return False
    *others, last = words
    if last in _PERSONAL or not _BORN.isdisjoint(words):
        return True
    if last == "name":
        return all(word in _PERSONAL or word in _OF_NAMES for word in others)
    return last in _OF_PERSONS and bool(others) and others[-1] in _PERSONAL


def names_of(columns: Columns) -> list[str]:
    """The names of the columns that have a role."""
    return [name for role in columns.__slots__ if (name := getattr(columns, role))]


def _value(value: object) -> Value | None:
    """A value of another column as it may be kept: no list and no object."""
    if isinstance(value, str):
        text = fields.plain(value).strip()
        # between two words, since masking may bring the end of it within what is kept
        return (text if len(text) <= MAX_VALUE else " ".join(text[:MAX_VALUE].rsplit(maxsplit=1)[:1])) or None
    if isinstance(value, bool | int):
        return value if abs(value) < 1 << 53 else str(value)[:MAX_VALUE] if abs(value) < 10**100 else None
    return value if isinstance(value, float) and value == value and abs(value) != float("inf") else None
