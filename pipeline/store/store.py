"""What runs have read, and what became of each verbatim."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.errors import SettingsError
from pipeline.records import BrokenRecord, LoadError, Review, SkipReason, WarehouseRow
from pipeline.store.database import Database, insert
from pipeline.store.migrate import HEAD, migrate, revision
from pipeline.store.rows import analysed, as_row, outdated
from pipeline.store.runs import Runs
from pipeline.store.tables import forgotten, load_errors, readings, runs, verbatims

PAGE = 500
"""Rows per transaction: large enough that commits cost little, small enough that a writer waits briefly."""

SEEN_BEFORE = "duplicate"
"""The problem of a reading whose id was read before in the same run."""

FORGOTTEN = "forgotten"
"""The problem of a reading whose verbatim was forgotten on request: it does not come back."""

NOT_FAILURES = (SEEN_BEFORE, FORGOTTEN)
"""Problems of readings that were put aside, not lost."""

FORGETTING = 716328
"""Advisory lock on Postgres between adding verbatims and forgetting one; SQLite has one writer anyway."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What cleaning says of one verbatim: skipped for a reason, or kept."""

    row: int
    source: str
    reason: SkipReason | None


@dataclass(frozen=True, slots=True)
class Uncleaned:
    """A verbatim that cleaning has not looked at, and whether an earlier one of its source has the same text."""

    row: int
    source: str
    text: str
    duplicate: bool


def open_store(url: str) -> Store:
    """Open a store, building or upgrading its tables first. Raises SettingsError naming STORE."""
    database = Database(url)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return Store(database)


def peek_store(url: str) -> Store | None:
    """An existing store just as it is, or None: nothing is built, upgraded or written.

    Raises SettingsError for a store of another version.
    """
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return None
    database = Database(url)
    with database.read() as connection:
        found = revision(connection)
    if found == HEAD:
        return Store(database)
    database.close()
    if found is None:
        return None
    raise SettingsError(f"STORE: {database.name} has schema {found}, this version works with {HEAD}: a run upgrades it")


class Store:
    """One store. Safe for many processes; one instance belongs to one process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.runs = Runs(database)

    def close(self) -> None:
        self.database.close()

    def add(self, run_id: str, records: Iterable[Review | BrokenRecord]) -> Iterator[int]:
        """Take records in as they come, a page to a transaction; yields how many each page held.

        A known id with the same text keeps its row and outcome; an edited text replaces the row and is new.
        The same id twice in one run: the first counts, the second is noted as a duplicate. The run of a day
        takes up only what is new; what it could not read before, it reads again.
        """
        self._forget_unread(run_id)
        seen: set[bytes] = set()
        for page in _pages(records):
            with self.database.write() as connection:
                self._add_page(connection, run_id, page, seen)
            yield len(page)

    def attach_day(self, run_id: str, *, unanswered: bool = False) -> None:
        """The run of a day also holds what others read first on that day, or what is left of a day gone by.

        `unanswered`: and what the days before have left without an outcome, so that an outage is made up for.
        """
        known = sa.select(readings.c.row).where(readings.c.run_id == run_id, readings.c.row.is_not(None))
        with self.database.write() as connection:
            day = _day(connection, run_id)
            if day is None:
                return
            number = sa.func.row_number().over(order_by=verbatims.c.row) + _last_position(connection, run_id)
            mine = verbatims.c.seen_on == day
            if unanswered:
                left = verbatims.c.outcome.is_(None) & verbatims.c.text.is_not(None)
                mine |= (verbatims.c.seen_on < day) & left
            missing = sa.select(sa.literal(run_id), number, verbatims.c.row).where(
                mine, ~verbatims.c.superseded, verbatims.c.row.not_in(known)
            )
            connection.execute(sa.insert(readings).from_select(["run_id", "position", "row"], missing))

    def _forget_unread(self, run_id: str) -> None:
        """What a day's run could not read, or read twice: its source is read again."""
        with self.database.write() as connection:
            if _day(connection, run_id) is not None:
                unread = (readings.c.run_id == run_id) & readings.c.row.is_(None)
                connection.execute(sa.delete(readings).where(unread))

    def is_known(self, review: Review) -> bool:
        """Whether this very text of this very verbatim has an outcome already, or may have none any more."""
        columns = _columns(verbatim_id(review.source, review.external_id), review, "")
        query = sa.select(verbatims.c.row).where(
            verbatims.c.verbatim_id == columns["verbatim_id"],
            verbatims.c.text_hash == columns["text_hash"],
            verbatims.c.outcome.is_not(None),
        )
        with self.database.read() as connection:
            gone = forgotten_among(connection, [columns["verbatim_id"]])
            return bool(gone) or connection.execute(query).first() is not None

    def _add_page(
        self, connection: sa.Connection, run_id: str, page: Sequence[Review | BrokenRecord], seen: set[bytes]
    ) -> None:
        day = _day(connection, run_id)
        # the run of a day may read its source more than once: what it reads goes behind what it has
        base = 0 if day is None else _last_position(connection, run_id) - page[0].position + 1
        reviews, taken = _sorted(page, seen)
        gone = self._forgotten(connection, reviews)
        for identity in gone:
            del reviews[identity]
        rows, new = self._upsert(connection, reviews, day or _now().date().isoformat())
        noted = [
            {
                "run_id": run_id,
                "position": base + position,
                "row": rows.get(identity) if identity else None,
                "problem": FORGOTTEN if identity in gone else problem,
            }
            for position, identity, problem in taken
            if day is None or identity is None or identity in new
        ]
        if noted:
            connection.execute(sa.insert(readings), noted)

    def _upsert(
        self, connection: sa.Connection, reviews: Mapping[str, Review], today: str
    ) -> tuple[dict[str, int], set[str]]:
        """The row of each identity, after new texts were inserted, edited ones replaced, and facts refreshed; and
        which of them are new with that."""
        known = self._current(connection, reviews)
        new = [_columns(identity, review, today) for identity, review in reviews.items() if identity not in known]
        for identity, found in known.items():
            columns = _columns(identity, reviews[identity], found.seen_on)
            if columns["text_hash"] != found.text_hash:
                self._supersede(connection, found.row)
                new.append(columns)
            elif any(columns[name] != getattr(found, name) for name in ("url", "rating", "language", "written_at")):
                connection.execute(sa.update(verbatims).where(verbatims.c.row == found.row).values(_facts(columns)))
        if new:
            # sorted, so that two processes on Postgres take their locks in one order
            new.sort(key=lambda columns: str(columns["verbatim_id"]))
            connection.execute(
                insert(connection, verbatims).on_conflict_do_nothing(
                    index_elements=["verbatim_id"], index_where=sa.text("NOT superseded")
                ),
                new,
            )
        rows = {identity: found.row for identity, found in self._current(connection, reviews).items()}
        return rows, {str(columns["verbatim_id"]) for columns in new}

    def _forgotten(self, connection: sa.Connection, identities: Iterable[str]) -> set[str]:
        """Which of these ids are forgotten. Blocks while another process forgets one."""
        if not self.database.sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(FORGETTING)))
        return forgotten_among(connection, identities)

    def _current(self, connection: sa.Connection, identities: Iterable[str]) -> dict[str, Any]:
        """Sorted, so that those who change several rows on Postgres lock them in one order."""
        query = sa.select(verbatims).where(verbatims.c.verbatim_id.in_(list(identities)), ~verbatims.c.superseded)
        return {found.verbatim_id: found for found in connection.execute(query.order_by(verbatims.c.row))}

    def _supersede(self, connection: sa.Connection, row: int) -> None:
        """The old text goes, its outcome stays: what was counted once must not vanish from the totals."""
        connection.execute(sa.update(verbatims).where(verbatims.c.row == row).values(superseded=True, text=None))

    def uncleaned(self, run_id: str) -> Iterator[list[Uncleaned]]:
        """The run's verbatims that cleaning has not looked at yet, a page at a time."""
        earlier = verbatims.alias("earlier")
        duplicate = sa.exists().where(
            earlier.c.source == verbatims.c.source,
            earlier.c.text_hash == verbatims.c.text_hash,
            earlier.c.row < verbatims.c.row,
            ~earlier.c.superseded,
        )
        query = (
            sa.select(verbatims.c.row, verbatims.c.source, verbatims.c.text, duplicate.label("duplicate"))
            .join(readings, readings.c.row == verbatims.c.row)
            .where(readings.c.run_id == run_id, ~verbatims.c.kept, verbatims.c.outcome.is_(None))
            .where(~verbatims.c.superseded)
        )
        for page in self._paged(query, verbatims.c.row):
            yield [Uncleaned(found.row, found.source, found.text, bool(found.duplicate)) for found in page]

    def decide(self, run_id: str, decisions: Iterable[Decision]) -> list[Decision]:
        """Commit what cleaning says; returns the skipped ones whose outcome is new with this call."""
        fresh = []
        with self.database.write() as connection:
            for decision in decisions:
                undecided = (verbatims.c.row == decision.row) & verbatims.c.outcome.is_(None) & ~verbatims.c.kept
                values: dict[str, Any] = {"kept": True}
                if decision.reason is not None:
                    values = {"outcome": "skipped", "reason": decision.reason.value, "run_id": run_id}
                changed = connection.execute(sa.update(verbatims).where(undecided).values(values)).rowcount
                if changed and decision.reason is not None:
                    fresh.append(decision)
        return fresh

    def count_pending(self, run_id: str) -> int:
        """How many of the run's verbatims are worth a call and have no outcome yet."""
        query = (
            sa.select(sa.func.count())
            .select_from(verbatims.join(readings, readings.c.row == verbatims.c.row))
            .where(readings.c.run_id == run_id, verbatims.c.kept, verbatims.c.outcome.is_(None))
            .where(~verbatims.c.superseded, verbatims.c.text.is_not(None))
        )
        with self.database.read() as connection:
            return connection.execute(query).scalar_one()

    def rows(self, run_id: str) -> Iterator[list[WarehouseRow]]:
        """What the run has read and what is analysed, as the warehouse holds it, a page at a time.

        And the dead letters of earlier runs: what was wrong with them may be mended by now.
        """
        read = sa.select(readings.c.row).where(readings.c.run_id == run_id, readings.c.row.is_not(None))
        query = analysed().where(
            verbatims.c.row.in_(read) | verbatims.c.verbatim_id.in_(_dead_letters()), ~verbatims.c.superseded
        )
        for page in self._paged(query, verbatims.c.row):
            yield [as_row(found) for found in page]

    def outdated(self, run_id: str) -> Iterator[str]:
        """Ids read by the run whose analysed text was edited since, while the new text has no analysis."""
        query = outdated().join(readings, readings.c.row == verbatims.c.row).where(readings.c.run_id == run_id)
        for page in self._paged(query, verbatims.c.row):
            yield from (found.verbatim_id for found in page)

    def load_watermark(self) -> int:
        """How far the list of load errors goes when a load begins; see `settle_load`."""
        with self.database.read() as connection:
            return int(
                connection.execute(sa.select(sa.func.coalesce(sa.func.max(load_errors.c.load_error), 0))).scalar_one()
            )

    def settle_load(self, run_id: str, mark: int, refused: Iterable[tuple[str, str]]) -> None:
        """A load of the run came to its end: what it had to bring in and did is mended, what it could not is noted.

        It had all of the run's rows, and the dead letters of earlier runs (see `rows`) that were noted before it began;
        those of a load beside it are that one's. `refused`: ids and problems; dead letters until a load brings them in.
        """
        mended = sa.update(load_errors).where(
            load_errors.c.load_error <= mark,
            load_errors.c.mended_at.is_(None),
            (load_errors.c.run_id == run_id) | load_errors.c.verbatim_id.in_(_dead_letters()),
        )
        noted = [_load_error(run_id, LoadError.ROW_REFUSED, identity, problem) for identity, problem in refused]
        with self.database.write() as connection:
            connection.execute(mended.values(mended_at=_now().isoformat()))
            if noted:
                connection.execute(sa.insert(load_errors), noted)

    def note_failed_load(self, run_id: str) -> None:
        """Keep that a whole load did not reach the warehouse."""
        with self.database.write() as connection:
            connection.execute(sa.insert(load_errors).values(_load_error(run_id, LoadError.JOB_FAILED)))

    def _paged(self, query: sa.Select[Any], key: sa.ColumnElement[int]) -> Iterator[Sequence[Any]]:
        """Page by id: no cursor stays open while somebody writes."""
        after = 0
        while True:
            with self.database.read() as connection:
                page = connection.execute(query.where(key > after).order_by(key).limit(PAGE)).all()
            if not page:
                return
            yield page
            after = page[-1].row


def _load_error(
    run_id: str, reason: LoadError, identity: str | None = None, problem: str | None = None
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "verbatim_id": identity,
        "reason": reason.value,
        "problem": problem,
        "happened_at": _now().isoformat(),
    }


def _dead_letters() -> sa.Select[Any]:
    """Ids of the verbatims that a load has refused and none has brought in since."""
    return sa.select(load_errors.c.verbatim_id).where(
        load_errors.c.mended_at.is_(None), load_errors.c.verbatim_id.is_not(None)
    )


def verbatim_id(source: str, external_id: str) -> str:
    """Who a verbatim is, in every store and warehouse: a hash of its source and the source's own id."""
    return hashlib.sha256(f"{source}\0{external_id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def forgotten_among(connection: sa.Connection, identities: Iterable[str]) -> set[str]:
    """Those with a tombstone."""
    query = sa.select(forgotten.c.verbatim_id).where(forgotten.c.verbatim_id.in_(list(identities)))
    return set(connection.execute(query).scalars())


def text_hash(text: str) -> str:
    """What is known of a text without holding it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _columns(identity: str, review: Review, seen_on: str) -> dict[str, Any]:
    return {
        "verbatim_id": identity,
        "source": review.source,
        "external_id": review.external_id,
        "url": review.url,
        "rating": review.rating,
        "language": review.language,
        "written_at": review.written_at,
        "seen_on": seen_on,
        "text": review.text,
        "text_hash": text_hash(review.text),
        "characters": len(review.text),
        "superseded": False,
        "kept": False,
    }


def _facts(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: columns[name] for name in ("url", "rating", "language", "written_at")}


def _sorted(
    page: Sequence[Review | BrokenRecord], seen: set[bytes]
) -> tuple[dict[str, Review], list[tuple[int, str | None, str | None]]]:
    """The reviews by identity, each once, and of every record its position, identity and problem."""
    reviews: dict[str, Review] = {}
    taken: list[tuple[int, str | None, str | None]] = []
    for record in page:
        if isinstance(record, BrokenRecord):
            taken.append((record.position, None, record.problem))
            continue
        identity = verbatim_id(record.source, record.external_id)
        digest = bytes.fromhex(identity)
        if digest in seen:
            taken.append((record.position, None, SEEN_BEFORE))
            continue
        seen.add(digest)
        taken.append((record.position, identity, None))
        reviews[identity] = record
    return reviews, taken


def _day(connection: sa.Connection, run_id: str) -> str | None:
    """The day of a run that has one; two who read for it then take turns, a transaction each."""
    query = sa.select(runs.c.day).where(runs.c.run_id == run_id).with_for_update(key_share=True)
    day: str | None = connection.execute(query).scalar()
    return day


def _last_position(connection: sa.Connection, run_id: str) -> int:
    query = sa.select(sa.func.coalesce(sa.func.max(readings.c.position), 0)).where(readings.c.run_id == run_id)
    return int(connection.execute(query).scalar_one())


def _pages(records: Iterable[Review | BrokenRecord]) -> Iterator[list[Review | BrokenRecord]]:
    iterator = iter(records)
    while page := list(islice(iterator, PAGE)):
        yield page


def _now() -> datetime:
    return datetime.now(UTC)
