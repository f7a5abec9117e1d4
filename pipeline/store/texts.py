"""The texts that runs have read, one row per version of a verbatim, and what cleaning says of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from pipeline.records import BrokenRecord, Review, SkipReason
from pipeline.store.analyses import lock_texts
from pipeline.store.database import Database, Turn, insert
from pipeline.store.deliveries import PAGE, raise_due_again
from pipeline.store.identity import Identities, Identity, forgotten_among
from pipeline.store.predicates import LATEST, UNCLEANED, has_final_outcome, pending, unanswered
from pipeline.store.sources import TOO_MANY, Sources
from pipeline.store.tables import run_records, runs, texts
from pipeline.store.totals import Tally, Total

SEEN_BEFORE = "duplicate"
"""The problem of a record whose id was read before in the same run."""

FORGOTTEN = "forgotten"
"""The problem of a record whose verbatim was forgotten on request: it does not come back."""

NOT_FAILURES = (SEEN_BEFORE, FORGOTTEN)
"""Problems of records that were put aside, not lost."""

FACTS = ("url", "rating", "language", "written_at")
"""What a source says about a text, and may say anew without the text being another."""


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

    def add(self, run_id: str, records: Iterable[Review | BrokenRecord]) -> Iterator[int]:
        """Take records in as they come, a page to a transaction; yields how many each page held.

        A known id with the same text keeps its row; an edited text is a new version. The same id twice in one run:
        the first counts, the second is noted as a duplicate. The run of a day takes up only what is new; what it
        could not read before, it reads again.
        """
        self._forget_unread(run_id)
        seen: set[bytes] = set()
        for page in _pages(records):
            with self._database.write() as connection:
                self._add_page(connection, run_id, page, seen)
            yield len(page)

    def attach_day(self, run_id: str, *, unanswered_too: bool = False) -> None:
        """The run of a day also holds what others read first on that day, or what is left of a day gone by.

        `unanswered_too`: and what the days before have left without an answer, so that an outage is made up for.
        """
        known = sa.select(run_records.c.text_id).where(
            run_records.c.run_id == run_id, run_records.c.text_id.is_not(None)
        )
        with self._database.write() as connection:
            day = _day(connection, run_id)
            if day is None:
                return
            of_today = sa.select(texts.c.text_id).where(texts.c.seen_on == day, LATEST)
            left = sa.select(texts.c.text_id).where(texts.c.seen_on < day, unanswered())
            missing = (of_today.union(left) if unanswered_too else of_today).subquery()
            number = sa.func.row_number().over(order_by=missing.c.text_id) + _last_position(connection, run_id)
            rows = sa.select(sa.literal(run_id), number, missing.c.text_id).where(missing.c.text_id.not_in(known))
            connection.execute(sa.insert(run_records).from_select(["run_id", "position", "text_id"], rows))

    def is_known(self, review: Review) -> bool:
        """Whether this very text of this very verbatim is decided already, or may not be asked any more."""
        identity = self._identities.of_review(review)
        decided = texts.c.skip_reason.is_not(None) | has_final_outcome() | texts.c.erased
        query = sa.select(texts.c.text_id).where(
            texts.c.verbatim_id == identity.verbatim_id, texts.c.text_hash == text_hash(review.text), decided
        )
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
            asked = connection.execute(sa.select(runs.c.analyser).where(runs.c.run_id == run_id)).scalar()
            query = (
                sa.select(sa.func.count())
                .select_from(texts.join(run_records, run_records.c.text_id == texts.c.text_id))
                .where(run_records.c.run_id == run_id, pending(asked))
            )
            return int(connection.execute(query).scalar_one())

    def _forget_unread(self, run_id: str) -> None:
        """What a day's run could not read, or read twice: its source is read again."""
        with self._database.write() as connection:
            if _day(connection, run_id) is not None:
                unread = (run_records.c.run_id == run_id) & run_records.c.text_id.is_(None)
                connection.execute(sa.delete(run_records).where(unread))

    def _add_page(
        self, connection: sa.Connection, run_id: str, page: Sequence[Review | BrokenRecord], seen: set[bytes]
    ) -> None:
        # locks the run of a day: two who read for it must not give one position twice
        day = _day(connection, run_id)
        # the run of a day may read its source more than once: new records are numbered after the ones it has
        base = 0 if day is None else _last_position(connection, run_id) - page[0].position + 1
        page = self._within_limits(connection, page)
        reviews, identities, taken = self._sorted(page, seen)
        gone = self._forgotten(connection, identities)
        for identity in gone:
            del reviews[identity]
        ids, new = _upsert(self._database, connection, reviews, day or _now().date().isoformat())
        noted = [
            {
                "run_id": run_id,
                "position": base + position,
                "text_id": ids.get(identity) if identity else None,
                "problem": FORGOTTEN if identity in gone else problem,
            }
            for position, identity, problem in taken
            if day is None or identity is None or identity in new
        ]
        if noted:
            connection.execute(sa.insert(run_records), noted)

    def _within_limits(
        self, connection: sa.Connection, page: Sequence[Review | BrokenRecord]
    ) -> Sequence[Review | BrokenRecord]:
        refused = self._sources.refused(connection, {one.source for one in page if isinstance(one, Review)})
        return [
            BrokenRecord(one.position, TOO_MANY) if isinstance(one, Review) and one.source in refused else one
            for one in page
        ]

    def _sorted(
        self, page: Sequence[Review | BrokenRecord], seen: set[bytes]
    ) -> tuple[dict[str, Review], list[Identity], list[tuple[int, str | None, str | None]]]:
        """The reviews by verbatim id, each once, their identities, and of every record its position, verbatim id and
        problem."""
        reviews: dict[str, Review] = {}
        identities: list[Identity] = []
        taken: list[tuple[int, str | None, str | None]] = []
        for record in page:
            if isinstance(record, BrokenRecord):
                taken.append((record.position, None, record.problem))
                continue
            identity = self._identities.of_review(record)
            digest = bytes.fromhex(identity.verbatim_id)  # 49 bytes instead of 81: a run of a million keeps them all
            if digest in seen:
                taken.append((record.position, None, SEEN_BEFORE))
                continue
            seen.add(digest)
            taken.append((record.position, identity.verbatim_id, None))
            identities.append(identity)
            reviews[identity.verbatim_id] = replace(record, external_id=identity.external_id)
        return reviews, identities, taken

    def _forgotten(self, connection: sa.Connection, identities: Sequence[Identity]) -> set[str]:
        """Which of these ids are forgotten. Blocks while another process forgets one."""
        self._database.take_turns(connection, Turn.FORGETTING, shared=True)
        return forgotten_among(connection, identities)


def text_hash(text: str) -> str:
    """What is known of a text without holding it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _decide(connection: sa.Connection, reason: SkipReason | None, ids: Sequence[int]) -> set[int]:
    """One decision for many texts; returns those that had none."""
    values = {"kept": True} if reason is None else {"skip_reason": reason.value}
    undecided = texts.c.text_id.in_(ids) & UNCLEANED
    changed = sa.update(texts).where(undecided).values(values).returning(texts.c.text_id)
    return set(connection.execute(changed).scalars())


def _upsert(
    database: Database, connection: sa.Connection, reviews: Mapping[str, Review], today: str
) -> tuple[dict[str, int], set[str]]:
    """The text of each verbatim, after new ones were inserted, edited ones replaced, and facts refreshed; and which
    verbatims are new with that."""
    known = _latest(connection, reviews)
    new = [_columns(identity, review, today) for identity, review in reviews.items() if identity not in known]
    edited: list[dict[str, Any]] = []
    refreshed: list[dict[str, Any]] = []
    for identity, found in known.items():
        columns = _columns(identity, reviews[identity], found.seen_on)
        if columns["text_hash"] != found.text_hash:
            edited.append(columns)
        elif any(columns[name] != getattr(found, name) for name in FACTS):
            refreshed.append({"found": found.text_id, **{f"new_{name}": columns[name] for name in FACTS}})
    # in one order, as everybody locks texts
    lock_texts(connection, [known[c["verbatim_id"]].text_id for c in edited] + [one["found"] for one in refreshed])
    _supersede(connection, [known[columns["verbatim_id"]].text_id for columns in edited])
    _refresh(connection, refreshed)
    _insert(connection, new + edited)
    changed = {columns["verbatim_id"] for columns in edited}
    changed |= {identity for identity, found in known.items() if found.text_id in {one["found"] for one in refreshed}}
    # url, rating, language and date stand in the row too
    raise_due_again(database, connection, changed)
    ids = {identity: found.text_id for identity, found in _latest(connection, reviews).items()}
    return ids, {columns["verbatim_id"] for columns in new + edited}


def _latest(connection: sa.Connection, identities: Iterable[str]) -> dict[str, Any]:
    """Sorted, so that those who change several texts on Postgres lock them in one order."""
    query = sa.select(texts).where(texts.c.verbatim_id.in_(list(identities)), LATEST)
    return {found.verbatim_id: found for found in connection.execute(query.order_by(texts.c.text_id))}


def _supersede(connection: sa.Connection, ids: Sequence[int]) -> None:
    """The old words go, the counts stay: what was counted once must not vanish from the totals."""
    if ids:
        connection.execute(sa.update(texts).where(texts.c.text_id.in_(ids)).values(superseded=True, text=None))


def _refresh(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in FACTS}
        connection.execute(sa.update(texts).where(texts.c.text_id == sa.bindparam("found")).values(values), rows)


def _insert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        # sorted, so that two processes on Postgres take their locks in one order
        rows.sort(key=lambda columns: str(columns["verbatim_id"]))
        latest = sa.text("superseded = 0" if connection.dialect.name == "sqlite" else "NOT superseded")
        connection.execute(
            insert(connection, texts).on_conflict_do_nothing(index_elements=["verbatim_id"], index_where=latest), rows
        )


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


def _day(connection: sa.Connection, run_id: str) -> str | None:
    """The day of a run that has one; two who read for it then take turns, a transaction each."""
    query = sa.select(runs.c.day).where(runs.c.run_id == run_id).with_for_update(key_share=True)
    day: str | None = connection.execute(query).scalar()
    return day


def _last_position(connection: sa.Connection, run_id: str) -> int:
    query = sa.select(sa.func.coalesce(sa.func.max(run_records.c.position), 0)).where(run_records.c.run_id == run_id)
    return int(connection.execute(query).scalar_one())


def _pages(records: Iterable[Review | BrokenRecord]) -> Iterator[list[Review | BrokenRecord]]:
    iterator = iter(records)
    while page := list(islice(iterator, PAGE)):
        yield page


def _now() -> datetime:
    return datetime.now(UTC)
