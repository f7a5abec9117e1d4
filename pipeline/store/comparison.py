"""Compares a whole file with the texts that the store knows, before anything of it is taken in.

It recognises records that have no id of their own, and refuses a file that would replace or repeat texts of another.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import sqlalchemy as sa

from pipeline.errors import InputError
from pipeline.records import COPIES_FROM, BrokenRecord, IdOrigin, Review
from pipeline.store.database import Database
from pipeline.store.deliveries import PAGE
from pipeline.store.identity import KEYED, Identities, text_hash
from pipeline.store.predicates import LATEST
from pipeline.store.tables import aliases, texts
from pipeline.store.versions import latest

TELLING_FROM = 15
"""Characters from which a text says something of its file: shorter ones ("Super") are in every file."""

EDITED = 10
"""One edited text among so many unchanged ones is usual; more of them are the texts of another file."""

FEWEST = 3
"""Different texts that have to be known under other ids: two copies of a stock sentence prove nothing."""

Known = Mapping[str, Any]
"""Verbatim id as a file gives it → the known text that the record is."""


@dataclass(slots=True)
class _New:
    """A record of the file, and what is compared of it."""

    verbatim_id: str
    review: Review
    words: str

    @property
    def facts(self) -> tuple[object, ...]:
        return self.review.rating, self.review.written_at, self.review.url


class Comparison:
    """One file beside one store. Call `look` with all its records, then `decide`."""

    def __init__(self, database: Database, identities: Identities) -> None:
        self._database, self._identities = database, identities
        self._exact: set[str] = set()
        self._recognised: dict[str, Any] = {}
        self._aliased: list[tuple[_New, Any]] = []
        self._new: list[_New] = []
        self._same = self._other = 0
        self._source = ""
        self._telling: set[bytes] = set()
        self._telling_known: set[bytes] = set()

    def look(self, records: Iterable[Review | BrokenRecord]) -> None:
        """Take in all records, prepared; keeps some 100 bytes of each, and those whose words are known."""
        reviews = (one for one in records if isinstance(one, Review) and one.id_origin is not IdOrigin.SITE)
        while page := list(islice(reviews, PAGE)):
            with self._database.read() as connection:
                self._look_at(connection, page)

    def decide(self) -> Known:
        """The records that are recognised. Raises InputError for a file that would replace or repeat others' texts."""
        self._refuse_other_texts()
        self._follow_aliases()
        groups: dict[tuple[str, str], list[_New]] = defaultdict(list)
        for one in self._new:
            groups[one.review.source, one.words].append(one)
        read_before = 2 * len(self._telling_known) > len(self._telling)
        elsewhere: set[str] = set()
        for wanted, free in self._free(groups):
            left = self._match(groups[wanted], free, read_before)
            if left and free.any_left and len(left[0].review.text) >= TELLING_FROM:
                elsewhere.add(wanted[1])
        self._refuse_other_ids(elsewhere)
        return self._recognised

    def _look_at(self, connection: sa.Connection, page: Sequence[Review]) -> None:
        by_id = {self._identities.of_review(review).verbatim_id: review for review in page}
        known = _by_alias(connection, by_id) | latest(connection, by_id)
        words = {one: text_hash(review.text) for one, review in by_id.items()}
        there = _words_there(connection, page, words.values())
        for one, review in by_id.items():
            familiar = one in known or (review.source, words[one]) in there
            record = _New(one, review, words[one])
            if one in known:
                self._note_known(record, known[one])
            elif familiar:
                self._new.append(record)
            if len(review.text) >= TELLING_FROM:
                self._telling.add(bytes.fromhex(words[one])[:8])
                if familiar:
                    self._telling_known.add(bytes.fromhex(words[one])[:8])

    def _note_known(self, one: _New, text: Any) -> None:
        if text.verbatim_id != one.verbatim_id:
            self._aliased.append((one, text))
            return
        self._exact.add(text.verbatim_id)
        if one.review.id_origin is IdOrigin.GUESSED and one.review.text:
            if one.words == text.text_hash:
                self._same += 1
            else:
                self._other, self._source = self._other + 1, one.review.source

    def _follow_aliases(self) -> None:
        """An earlier reading has recognised them; but whoever has the verbatim's own id comes first."""
        for one, text in self._aliased:
            if text.verbatim_id in self._exact:
                self._new.append(one)
            else:
                self._exact.add(text.verbatim_id)
                self._recognised[one.verbatim_id] = text

    def _free(self, groups: Mapping[tuple[str, str], list[_New]]) -> Iterator[tuple[tuple[str, str], _Free]]:
        """For each group of records the known texts of the same words that no record of the file has by its id."""
        wanted = sorted(groups)
        for at in range(0, len(wanted), PAGE):
            chunk = wanted[at : at + PAGE]
            found: dict[tuple[str, str], list[Any]] = {one: [] for one in chunk}
            with self._database.read() as connection:
                for text in connection.execute(_same_words(chunk)):
                    if (text.source, text.text_hash) in found and text.verbatim_id not in self._exact:
                        found[text.source, text.text_hash].append(text)
            yield from ((one, _Free(rows)) for one, rows in found.items())

    def _match(self, records: Sequence[_New], free: _Free, read_before: bool) -> list[_New]:
        """Recognise what can be; returns the others."""
        left = []
        for one in records:
            if one.review.id_origin is IdOrigin.CONTENT and (text := free.take(one.facts)) is not None:
                self._recognised[one.verbatim_id] = text
            else:
                left.append(one)
        if not read_before or len(records[0].review.text) < COPIES_FROM:
            return left
        # the file was read before: facts of a text may have changed
        for one in left:
            if one.review.id_origin is IdOrigin.CONTENT and (text := free.take_any()) is not None:
                self._recognised[one.verbatim_id] = text
        return [one for one in left if one.verbatim_id not in self._recognised]

    def _refuse_other_texts(self) -> None:
        if EDITED * self._other > self._same:
            raise InputError(
                f"{self._other} {'id' if self._other == 1 else 'ids'} of this file known in source {self._source} with "
                "other texts, which these would replace: name this file's own source with --source NAME, or confirm "
                "that it has newer texts with --id-column"
            )

    def _refuse_other_ids(self, elsewhere: set[str]) -> None:
        if len(elsewhere) >= FEWEST and 2 * len(elsewhere) > len(self._telling):
            source = next(one.review.source for one in self._new if one.words in elsewhere)
            raise InputError(
                f"{len(elsewhere)} texts of this file known in source {source} under other ids: it was read before "
                "with another id column, or without one; name the same with --id-column, or count all of them again "
                "with --source NAME"
            )


class _Free:
    """Known texts of the same words, each to be taken once, the oldest first."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = [row for row in rows if row.external_id.startswith(KEYED)]
        self._rest = deque(self._rows)
        self._count = len(rows)
        self._used: set[str] = set()
        self._by_facts: dict[tuple[bool, ...], dict[tuple[object, ...], deque[Any]]] = {}

    @property
    def any_left(self) -> bool:
        """Whether one is not taken, be its id a source's own or made from the content."""
        return self._count > len(self._used)

    def take(self, facts: tuple[object, ...]) -> Any | None:
        """One whose facts do not contradict these: each is equal, or missing on one side."""
        given = tuple(fact is not None for fact in facts)
        index = self._by_facts.setdefault(given, {}) or self._index(given)
        for key in product(*((fact, None) if fact is not None else (None,) for fact in facts)):
            if (found := self._next(index.get(key, deque()))) is not None:
                return found
        return None

    def take_any(self) -> Any | None:
        """The oldest."""
        return self._next(self._rest)

    def _index(self, given: tuple[bool, ...]) -> dict[tuple[object, ...], deque[Any]]:
        index = self._by_facts[given]
        for row in self._rows:
            facts = (row.rating, row.written_at, row.url)
            key = tuple(fact if is_given else None for fact, is_given in zip(facts, given, strict=True))
            index.setdefault(key, deque()).append(row)
        return index

    def _next(self, rows: deque[Any]) -> Any | None:
        while rows:
            row = rows.popleft()
            if row.verbatim_id not in self._used:
                self._used.add(row.verbatim_id)
                return row
        return None


def _by_alias(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Any]:
    query = (
        sa.select(texts, aliases.c.alias)
        .join(aliases, aliases.c.verbatim_id == texts.c.verbatim_id)
        .where(aliases.c.alias.in_(list(ids)), LATEST)
    )
    return {text.alias: text for text in connection.execute(query)}


def _words_there(connection: sa.Connection, page: Sequence[Review], words: Iterable[str]) -> set[tuple[str, str]]:
    """Which words of these sources the store has."""
    query = (
        sa.select(texts.c.source, texts.c.text_hash)
        .distinct()
        .where(texts.c.source.in_({review.source for review in page}), texts.c.text_hash.in_(set(words)), LATEST)
    )
    return {(text.source, text.text_hash) for text in connection.execute(query)}


def _same_words(wanted: Sequence[tuple[str, str]]) -> sa.Select[Any]:
    t = texts.c
    return (
        sa.select(t.verbatim_id, t.external_id, t.source, t.text_hash, t.rating, t.written_at, t.url)
        .where(texts.c.source.in_({source for source, _ in wanted}), LATEST)
        .where(texts.c.text_hash.in_({words for _, words in wanted}))
        .order_by(texts.c.text_id)
    )
