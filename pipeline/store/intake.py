"""Takes the records of one reading into the store: new verbatims, edited ones, and what is said anew of known ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from pipeline.records import BrokenRecord, Review
from pipeline.store import versions
from pipeline.store.comparison import Known
from pipeline.store.database import Database, Turn, insert
from pipeline.store.deliveries import PAGE
from pipeline.store.identity import Identities, Identity, forgotten_among, text_hash
from pipeline.store.sources import TOO_MANY, Sources
from pipeline.store.tables import aliases, run_records, runs

SEEN_BEFORE = "duplicate"
"""The problem of a record whose id and text were read before in the same run."""

FORGOTTEN = "forgotten"
"""The problem of a record whose verbatim was forgotten on request: it does not come back."""

NOT_FAILURES = (SEEN_BEFORE, FORGOTTEN)
"""Problems of records that were put aside, not lost."""

SAME_ID = "another text has the same id in this input"
"""The problem of a record that would replace one of the same reading."""


@dataclass(slots=True)
class IncomingReview:
    """A review of a page, and what becomes of it."""

    review: Review
    identity: Identity
    problem: str | None = None

    @property
    def verbatim_id(self) -> str:
        """Who it is."""
        return self.identity.verbatim_id


class _Seen:
    """The ids of one reading, each with what its text was: 90 bytes each, since a run of a million keeps them all."""

    def __init__(self) -> None:
        self._words: dict[bytes, bytes] = {}

    def problem(self, verbatim_id: str, text: str) -> str | None:
        """Note an id; what is wrong with it if it was noted before."""
        words = bytes.fromhex(text_hash(text))[:8]
        first = self._words.setdefault(bytes.fromhex(verbatim_id), words)
        if first is words:  # the very object: it was not noted before
            return None
        return SEEN_BEFORE if first == words else SAME_ID


class Intake:
    """One reading of a source. Iterate it: each page is a transaction, and its number of records is yielded.

    A known id with the same text keeps its row, and facts that the source says anew replace older ones; an edited text
    is a new version. The same id twice in one reading: the first counts; the second is a duplicate or, with another
    text, a failure. The run of a day takes up only what is new; what it could not read before, it reads again.
    """

    def __init__(
        self,
        database: Database,
        identities: Identities,
        sources: Sources,
        run_id: str,
        records: Iterable[Review | BrokenRecord],
        known: Known,
    ) -> None:
        self._database, self._identities, self._sources = database, identities, sources
        self._run_id, self._records, self._known = run_id, records, known
        self._seen = _Seen()
        self.replaced: list[int] = []
        """Positions of the texts that have replaced older ones."""

    def __iter__(self) -> Iterator[int]:
        self._forget_unread()
        for page in _pages(self._records):
            with self._database.write() as connection:
                self._add_page(connection, page)
            yield len(page)

    def _forget_unread(self) -> None:
        """What a day's run could not read, or read twice: its source is read again."""
        with self._database.write() as connection:
            if day_of(connection, self._run_id) is not None:
                unread = (run_records.c.run_id == self._run_id) & run_records.c.text_id.is_(None)
                connection.execute(sa.delete(run_records).where(unread))

    def _add_page(self, connection: sa.Connection, page: Sequence[Review | BrokenRecord]) -> None:
        # locks the run of a day: two who read for it must not give one position twice
        day = day_of(connection, self._run_id)
        # the run of a day may read its source more than once: new records are numbered after the ones it has
        base = 0 if day is None else last_position(connection, self._run_id) - page[0].position + 1
        records = self._within_limits(connection, page)
        taken = [self._take(record) for record in records if isinstance(record, Review)]
        self._note_aliases(connection, taken)
        self._mark_repeated(taken)
        self._mark_forgotten(connection, taken)
        good = {one.verbatim_id: one.review for one in taken if one.problem is None}
        written = versions.write(self._database, connection, good, day or _now().date().isoformat())
        self.replaced += [one.review.position for one in taken if not one.problem and one.verbatim_id in written.edited]
        noted = [_record(one.position, None, one.problem) for one in records if isinstance(one, BrokenRecord)]
        noted += [
            _record(one.review.position, None if one.problem else written.ids.get(one.verbatim_id), one.problem)
            for one in taken
            if day is None or one.problem in (SEEN_BEFORE, SAME_ID) or one.verbatim_id in written.changed
        ]
        if noted:
            rows = [{**one, "run_id": self._run_id, "position": base + one["position"]} for one in noted]
            connection.execute(sa.insert(run_records), rows)

    def _within_limits(
        self, connection: sa.Connection, page: Sequence[Review | BrokenRecord]
    ) -> Sequence[Review | BrokenRecord]:
        refused = self._sources.refused(connection, {one.source for one in page if isinstance(one, Review)})
        return [
            BrokenRecord(one.position, TOO_MANY) if isinstance(one, Review) and one.source in refused else one
            for one in page
        ]

    def _take(self, review: Review) -> IncomingReview:
        identity = self._identities.of_review(review)
        known = self._known.get(identity.verbatim_id)
        if known is not None:
            former = identity.former | {identity.verbatim_id}  # what was forgotten under either id stays forgotten
            identity = Identity(known.verbatim_id, known.external_id, former)
        return IncomingReview(replace(review, external_id=identity.external_id), identity)

    def _note_aliases(self, connection: sa.Connection, taken: Sequence[IncomingReview]) -> None:
        """So that forgetting a verbatim also forgets it under the ids that later readings give it."""
        pairs = {alias: one.verbatim_id for one in taken for alias in one.identity.former & self._known.keys()}
        if pairs:
            rows = [{"alias": alias, "verbatim_id": verbatim} for alias, verbatim in sorted(pairs.items())]
            connection.execute(insert(connection, aliases).on_conflict_do_nothing(index_elements=["alias"]), rows)

    def _mark_repeated(self, taken: Sequence[IncomingReview]) -> None:
        for one in taken:
            one.problem = self._seen.problem(one.verbatim_id, one.review.text)

    def _mark_forgotten(self, connection: sa.Connection, taken: Sequence[IncomingReview]) -> None:
        """Blocks while another process forgets one."""
        self._database.take_turns(connection, Turn.FORGETTING, shared=True)
        gone = forgotten_among(connection, [one.identity for one in taken if one.problem is None])
        for one in taken:
            if one.problem is None and one.verbatim_id in gone:
                one.problem = FORGOTTEN


def _record(position: int, text_id: int | None, problem: str | None) -> dict[str, Any]:
    return {"position": position, "text_id": text_id, "problem": problem}


def day_of(connection: sa.Connection, run_id: str) -> str | None:
    """The day of a run that has one; two who read for it then take turns, a transaction each."""
    query = sa.select(runs.c.day).where(runs.c.run_id == run_id).with_for_update(key_share=True)
    day: str | None = connection.execute(query).scalar()
    return day


def last_position(connection: sa.Connection, run_id: str) -> int:
    """The highest position of a run's records; 0 if it has none."""
    query = sa.select(sa.func.coalesce(sa.func.max(run_records.c.position), 0)).where(run_records.c.run_id == run_id)
    return int(connection.execute(query).scalar_one())


def _pages(records: Iterable[Review | BrokenRecord]) -> Iterator[list[Review | BrokenRecord]]:
    iterator = iter(records)
    while page := list(islice(iterator, PAGE)):
        yield page


def _now() -> datetime:
    return datetime.now(UTC)
