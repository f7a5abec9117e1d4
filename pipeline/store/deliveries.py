"""Which rows a warehouse lacks: for each verbatim the change that is due, and the one that was sent.

Every transaction that changes a row raises `due`; a load sends what is due, of any run, and notes what it has sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from pipeline.records import WarehouseRow
from pipeline.store.database import Database, Turn, insert_ignoring, insert_of
from pipeline.store.rows import rows_of
from pipeline.store.tables import deliveries, run_records, texts, warehouses

PAGE = 500
"""Rows per transaction: large enough that commits cost little, small enough that a writer waits briefly."""


@dataclass(frozen=True, slots=True)
class Due:
    """A page of what is due."""

    changes: Mapping[str, int]
    """Verbatim → the change that its row has with this page."""
    rows: Sequence[WarehouseRow]

    @property
    def gone(self) -> list[str]:
        """Verbatims without a row: their texts were edited and are not analysed again yet."""
        return sorted(self.changes.keys() - {row.verbatim_id for row in self.rows})


@dataclass(frozen=True, slots=True)
class Loading:
    """A load that has begun."""

    warehouse: int
    identity: str
    """What the warehouse shall be marked with, and with `number`."""
    number: int
    last_job: str | None
    """The job that loads before this one have noted last: their process may have ended before it."""


class Deliveries:
    """What the store owes to warehouses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start_load(self, marks: Mapping[str, int]) -> Loading:
        """Begin a load into the warehouse that bears these marks: identity → number of the last load.

        A warehouse without a mark of this store, or with another number, was emptied, restored or exchanged: then
        everything is due again. Each load takes the next number.
        """
        with self._database.write() as connection:
            self._database.take_turns(connection, Turn.DELIVERING)
            latest = sa.select(warehouses).order_by(warehouses.c.used_at.desc())
            known = connection.execute(latest.where(warehouses.c.identity.in_(list(marks)))).first()
            if known is None:
                known = self._register(connection)
            # a load that was killed between the warehouse and the store left a number between the two
            marked = marks.get(known.identity, -1)
            if not known.done <= marked <= known.begun:
                _all_due(connection, known.warehouse)
            # behind the mark too: a store that was restored would count up to it, and all be due each time
            number = max(known.begun, marked) + 1
            changed = {"begun": number, "used_at": datetime.now(UTC).isoformat()}
            here = sa.update(warehouses).where(warehouses.c.warehouse == known.warehouse).values(changed)
            # returned, not read before: from now on the loads before can note no other job
            last_job = connection.execute(here.returning(warehouses.c.job)).scalar_one()
        return Loading(known.warehouse, known.identity, number, last_job)

    def note_job(self, loading: Loading, job: str) -> bool:
        """Note a job before it is sent, since it may go on after this process has ended.

        False where another load has begun since: it has looked for jobs of this one.
        """
        mine = (warehouses.c.warehouse == loading.warehouse) & (warehouses.c.begun == loading.number)
        with self._database.write() as connection:
            return bool(connection.execute(sa.update(warehouses).where(mine).values(job=job)).rowcount)

    @contextmanager
    def exclusive(self, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Blocks until no other process loads from this store; `waits` is called where one does.

        What a load has read before an erasure or an edit must not be written behind it, also where it is killed then.
        """
        with self._database.exclusive(Turn.LOADING, waits):
            yield

    def make_due(self, run_id: str) -> None:
        """All rows of what a run has read are due once more, whatever was sent."""
        read = (
            sa.select(texts.c.verbatim_id)
            .join(run_records, run_records.c.text_id == texts.c.text_id)
            .where(run_records.c.run_id == run_id, texts.c.current.is_not(None))
        )
        with self._database.write() as connection:
            self._database.take_turns(connection, Turn.DELIVERING)
            connection.execute(_raising(connection.dialect.name, texts.c.verbatim_id.in_(read)))

    def due(self, loading: Loading, *, erased: bool = False) -> Iterator[Due]:
        """What is due as it is now, a page at a time; `erased`: only of verbatims whose words were erased."""
        query = sa.select(deliveries.c.verbatim_id, deliveries.c.due).where(
            deliveries.c.warehouse == loading.warehouse, deliveries.c.due > deliveries.c.sent
        )
        if erased:
            theirs = texts.c.verbatim_id == deliveries.c.verbatim_id
            # an id that an upgrade has renamed has no text any more, and its row has words
            query = query.where(sa.exists().where(theirs, texts.c.erased) | ~sa.exists().where(theirs))
        after = ""
        while True:
            behind = query.where(deliveries.c.verbatim_id > after).order_by(deliveries.c.verbatim_id).limit(PAGE)
            with self._database.read() as connection:
                changes = {found.verbatim_id: found.due for found in connection.execute(behind)}
                if not changes:
                    return
                # in one transaction: the rows are those of exactly these changes
                rows = rows_of(connection, changes)
            yield Due(changes, list(rows.values()))
            after = max(changes)

    def settle(self, loading: Loading, sent: Mapping[str, int], rejected: Mapping[str, str]) -> None:
        """Note what the warehouse has now, and what it refused with its problem: that stays due.

        Where another load has sent a later change meanwhile, this one may have overwritten it: the row is due again.
        """
        here = (deliveries.c.warehouse == loading.warehouse) & (deliveries.c.verbatim_id == sa.bindparam("verbatim"))
        change = sa.bindparam("change", type_=sa.Integer)
        overtaken = deliveries.c.sent > change
        taken = {
            "due": sa.case((overtaken, deliveries.c.due + 1), else_=deliveries.c.due),
            "sent": sa.case((overtaken, deliveries.c.sent), else_=change),
            # another load may have met it with a later change
            "problem": sa.case((deliveries.c.due > change, deliveries.c.problem), else_=None),
        }
        # sorted, so that two loads lock these rows in one order
        done = [{"verbatim": v, "change": n} for v, n in sorted(sent.items()) if v not in rejected]
        refused = [{"verbatim": v, "said": said} for v, said in sorted(rejected.items()) if v in sent]
        with self._database.write() as connection:
            self._database.take_turns(connection, Turn.DELIVERING)
            if done:
                connection.execute(sa.update(deliveries).where(here).values(taken), done)
            if refused:
                said: dict[str, Any] = {"problem": sa.bindparam("said")}
                connection.execute(sa.update(deliveries).where(here).values(said), refused)

    def finish_load(self, loading: Loading) -> None:
        """The warehouse bears the number of this load."""
        # two loads at once may end in any order: the number never falls
        ended = sa.case((warehouses.c.done > loading.number, warehouses.c.done), else_=loading.number)
        with self._database.write() as connection:
            here = sa.update(warehouses).where(warehouses.c.warehouse == loading.warehouse)
            connection.execute(here.values(done=ended))

    def _register(self, connection: sa.Connection) -> sa.Row[tuple[object, ...]]:
        """A warehouse that the store does not know; the one that an older version has loaded into has no name yet."""
        identity = secrets.token_hex(8)
        unnamed = sa.update(warehouses).where(warehouses.c.identity.is_(None))
        if not connection.execute(unnamed.values(identity=identity)).rowcount:
            values = {"identity": identity, "begun": 0, "done": 0, "used_at": ""}
            connection.execute(sa.insert(warehouses).values(values))
        return connection.execute(sa.select(warehouses).where(warehouses.c.identity == identity)).one()


def raise_due(database: Database, connection: sa.Connection, verbatim_ids: Collection[str]) -> None:
    """The rows of these verbatims have changed, for every warehouse: each is a delivery from now on."""
    if verbatim_ids:
        database.take_turns(connection, Turn.DELIVERING)
        connection.execute(_raising_these(connection.dialect.name), {"ids": sorted(verbatim_ids)})


def raise_due_again(database: Database, connection: sa.Connection, verbatim_ids: Collection[str]) -> None:
    """The same for verbatims that may never have had a row: those that have none are left out."""
    if verbatim_ids:
        database.take_turns(connection, Turn.DELIVERING)
        theirs = deliveries.c.verbatim_id.in_(sorted(verbatim_ids))
        connection.execute(sa.update(deliveries).where(theirs).values(due=deliveries.c.due + 1))


@cache
def _raising_these(dialect: str) -> Any:
    return _raising(dialect, texts.c.verbatim_id.in_(sa.bindparam("ids", expanding=True)))


def _raising(dialect: str, which: sa.ColumnElement[bool]) -> Any:
    changed = (
        sa.select(warehouses.c.warehouse, texts.c.verbatim_id, sa.literal(1), sa.literal(0))
        .distinct()
        .select_from(warehouses.join(texts, sa.true()))
        .where(which)
    )
    statement = insert_of(dialect, deliveries).from_select(["warehouse", "verbatim_id", "due", "sent"], changed)
    key = ["verbatim_id", "warehouse"]
    return statement.on_conflict_do_update(index_elements=key, set_={"due": deliveries.c.due + 1})


def in_use() -> sa.ScalarSelect[int]:
    """The warehouse of the latest load."""
    latest = sa.select(warehouses.c.warehouse).order_by(warehouses.c.used_at.desc(), warehouses.c.warehouse.desc())
    return latest.limit(1).scalar_subquery()


def is_rejected() -> sa.ColumnElement[bool]:
    """The warehouse in use has refused this text's row."""
    return sa.exists().where(
        deliveries.c.warehouse == in_use(),
        deliveries.c.verbatim_id == texts.c.verbatim_id,
        deliveries.c.problem.is_not(None),
    )


def _all_due(connection: sa.Connection, warehouse: int) -> None:
    """Every verbatim that has or had a row, once more."""
    again = sa.update(deliveries).where(deliveries.c.warehouse == warehouse)
    connection.execute(again.values(due=deliveries.c.due + 1))
    analysed = sa.select(sa.literal(warehouse), texts.c.verbatim_id, sa.literal(1), sa.literal(0)).distinct()
    connection.execute(
        insert_ignoring(connection, deliveries).from_select(
            ["warehouse", "verbatim_id", "due", "sent"], analysed.where(texts.c.current.is_not(None))
        )
    )
