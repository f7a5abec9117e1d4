"""The texts that runs have read, one row per version of a verbatim, and what cleaning says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import sqlalchemy as sa

from pipeline.records import BrokenRecord, IdOrigin, Review, SkipReason
from pipeline.store.analyses import lock_texts
from pipeline.store.comparison import Comparison, Known
from pipeline.store.database import Database
from pipeline.store.deliveries import PAGE
from pipeline.store.holders import BATCH
from pipeline.store.identity import Identities, forgotten_among, text_hash
from pipeline.store.intake import Intake, day_of, last_position
from pipeline.store.predicates import LATEST, UNCLEANED, has_final_outcome, pending, unanswered
from pipeline.store.sentinel import unanswered_by_sentinel
from pipeline.store.sources import Sources
from pipeline.store.tables import claims, holders, run_records, runs, texts
from pipeline.store.totals import Tally, Total

EITHER = (True, False)
"""All values of `kept`: a hint for SQLite, which else reads all texts by day and not the index `texts_open`."""

NOTHING_KNOWN: Known = MappingProxyType({})
"""Of a source that is not compared: a site's ids are its own."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What cleaning says of one text: skipped for a reason, or kept."""

    text_id: int
    source: str
    reason: SkipReason | None


@dataclass(frozen=True, slots=True)
class Uncleaned:
    """A text that cleaning has not looked at, and whether an earlier one of its source is the same."""

    text_id: int
    source: str
    text: str
    duplicate: bool


class Texts:
    """The texts of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._identities = Identities(database)
        self._sources = Sources()

    def compare(self, records: Iterable[Review | BrokenRecord]) -> Known:
        """What a file's records are of what the store knows, for `add`; see `Comparison`.

        Raises InputError for a file that would replace or repeat the texts of another.
        """
        if self._empty():
            return {}
        comparison = Comparison(self._database, self._identities)
        comparison.look(records)
        return comparison.decide()

    def add(self, run_id: str, records: Iterable[Review | BrokenRecord], known: Known = NOTHING_KNOWN) -> Intake:
        """Take records in as they come, a page to a transaction; iterating yields how many each page held."""
        return Intake(self._database, self._identities, self._sources, run_id, records, known)

    def _empty(self) -> bool:
        with self._database.read() as connection:
            return connection.execute(sa.select(texts.c.text_id).limit(1)).first() is None

    def attach_day(self, run_id: str, *, unanswered_too: bool = False) -> None:
        """The run of a day also holds what others read first on that day, or what is left of a day gone by.

        `unanswered_too`: and what the days before have left without an answer, so that an outage is made up for.
        """
        known = sa.select(run_records.c.text_id).where(
            run_records.c.run_id == run_id, run_records.c.text_id.is_not(None)
        )
        with self._database.write() as connection:
            day = day_of(connection, run_id)
            if day is None:
                return
            of_today = sa.select(texts.c.text_id).where(_of_day(day))
            left = sa.select(texts.c.text_id).where(texts.c.seen_on < day, texts.c.kept.in_(EITHER), unanswered())
            missing = (of_today.union(left) if unanswered_too else of_today).subquery()
            number = sa.func.row_number().over(order_by=missing.c.text_id) + last_position(connection, run_id)
            rows = sa.select(sa.literal(run_id), number, missing.c.text_id).where(missing.c.text_id.not_in(known))
            connection.execute(sa.insert(run_records).from_select(["run_id", "position", "text_id"], rows))

    def holds(self, day: date) -> bool:
        """Whether there is anything of that UTC day: verbatims, or what its run has read."""
        mine = sa.select(texts.c.text_id).where(_of_day(day.isoformat()))
        read = sa.select(run_records.c.position).join(runs).where(runs.c.day == day.isoformat())
        with self._database.read() as connection:
            return bool(connection.execute(sa.select(mine.exists() | read.exists())).scalar())

    def is_known(self, review: Review) -> bool:
        """Whether this very text of this very verbatim is decided already, or may not be asked any more."""
        identity = self._identities.of_review(review)
        decided = texts.c.skip_reason.is_not(None) | has_final_outcome() | texts.c.erased
        same = texts.c.verbatim_id == identity.verbatim_id
        if review.id_origin is IdOrigin.CONTENT:
            same = (texts.c.source == review.source) & LATEST  # its facts, and with them its id, may have changed
        query = sa.select(texts.c.text_id).where(same, texts.c.text_hash == text_hash(review.text), decided)
        with self._database.read() as connection:
            gone = forgotten_among(connection, [identity])
            return bool(gone) or connection.execute(query).first() is not None

    def uncleaned(self, run_id: str) -> Iterator[list[Uncleaned]]:
        """The run's texts that cleaning has not looked at yet, a page at a time."""
        earlier = texts.alias("earlier")
        duplicate = sa.exists().where(
            earlier.c.source == texts.c.source,
            earlier.c.text_hash == texts.c.text_hash,
            earlier.c.text_id < texts.c.text_id,
            ~earlier.c.superseded,
        )
        query = (
            sa.select(texts.c.text_id, texts.c.source, texts.c.text, duplicate.label("duplicate"))
            .join(run_records, run_records.c.text_id == texts.c.text_id)
            .where(run_records.c.run_id == run_id, UNCLEANED)
        )
        after = 0
        while True:  # by number: an open cursor would block writers
            behind = query.where(run_records.c.text_id > after).order_by(run_records.c.text_id).limit(PAGE)
            with self._database.read() as connection:
                page = connection.execute(behind).all()
            if not page:
                return
            yield [Uncleaned(found.text_id, found.source, found.text, bool(found.duplicate)) for found in page]
            after = page[-1].text_id

    def decide(self, run_id: str, decisions: Iterable[Decision]) -> list[Decision]:
        """Commit what cleaning says of a page; returns the skipped ones whose decision is new with this call."""
        by_reason: dict[SkipReason | None, list[Decision]] = defaultdict(list)
        for decision in decisions:
            by_reason[decision.reason].append(decision)
        fresh: list[Decision] = []
        tally = Tally()
        with self._database.write() as connection:
            lock_texts(connection, [decision.text_id for those in by_reason.values() for decision in those])
            for reason, those in by_reason.items():
                changed = _decide(connection, reason, [decision.text_id for decision in those])
                if reason is not None:
                    fresh += [decision for decision in those if decision.text_id in changed]
            for decision in fresh:
                tally.add(Total.SKIPPED, decision.source, str(decision.reason))
            tally.write(connection, run_id, self._database.process)
        return fresh

    def count_pending(self, run_id: str) -> int:
        """How many of the run's texts are worth a request and have no outcome yet."""
        with self._database.read() as connection:
            found = connection.execute(
                sa.select(runs.c.analyser, runs.c.purpose).where(runs.c.run_id == run_id)
            ).first()
            asked, purpose = found or (None, None)
            waits = unanswered_by_sentinel(run_id) if purpose else pending(asked)
            query = (
                sa.select(sa.func.count())
                .select_from(texts.join(run_records, run_records.c.text_id == texts.c.text_id))
                .where(run_records.c.run_id == run_id, waits)
            )
            return int(connection.execute(query).scalar_one())

    def count_in_batches(self, run_id: str) -> int:
        """How many of the run's texts batches hold that are under way, of whatever run."""
        held = claims.join(holders, holders.c.holder == claims.c.holder)
        query = (
            sa.select(sa.func.count())
            .select_from(held.join(run_records, run_records.c.text_id == claims.c.text_id))
            .where(run_records.c.run_id == run_id, holders.c.kind == BATCH)
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())


def _of_day(day: str) -> sa.ColumnElement[bool]:
    """First seen on that day; a version that a later day has read is of the later one alone."""
    # seen_on stays what it was when a text is edited; that it was edited is the cheaper question
    earlier = texts.alias("earlier")
    edited = sa.exists().where(earlier.c.verbatim_id == texts.c.verbatim_id, earlier.c.text_id < texts.c.text_id)
    # IN, not a join: SQLite would begin with all records of all runs
    days_after = sa.select(runs.c.run_id).where(runs.c.day > day)
    later = sa.exists().where(run_records.c.run_id.in_(days_after), run_records.c.text_id == texts.c.text_id)
    return (texts.c.seen_on == day) & LATEST & ~(edited & later)


def _decide(connection: sa.Connection, reason: SkipReason | None, ids: Sequence[int]) -> set[int]:
    """One decision for many texts; returns those that had none."""
    values = {"kept": True} if reason is None else {"skip_reason": reason.value}
    undecided = texts.c.text_id.in_(ids) & UNCLEANED
    changed = sa.update(texts).where(undecided).values(values).returning(texts.c.text_id)
    return set(connection.execute(changed).scalars())
