"""Takes the words out of the store, by age or on request, and leaves everything that is counted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from pipeline.errors import InputError
from pipeline.records import Outcome, WarehouseRow
from pipeline.store.database import Database
from pipeline.store.rows import analysed, as_row, outdated, strip
from pipeline.store.store import FORGETTING, PAGE, forgotten_among
from pipeline.store.tables import answers, calls, forgotten, topics, verbatims


@dataclass(frozen=True, slots=True)
class RedactedRows:
    """What a warehouse may hold of verbatims from now on."""

    rows: tuple[WarehouseRow, ...]
    """Stripped of their words."""
    outdated: tuple[str, ...]
    """Ids whose row belongs to a text that was edited since: it goes as a whole."""


@dataclass(frozen=True, slots=True)
class Aged:
    """A page of texts whose time is up."""

    outcomes: Mapping[int, str | None]
    """Row → its outcome when the page was read."""
    remains: RedactedRows


class Erasure:
    """Erases rows of the store; `pipeline/retention.py` does the same to the warehouse at the right moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def aged(self, before: date) -> Iterator[Aged]:
        """What was first seen before that day and still has its words, a page at a time."""
        query = sa.select(verbatims.c.row, verbatims.c.outcome).where(
            verbatims.c.seen_on < before.isoformat(), ~verbatims.c.erased
        )
        after = 0
        while True:
            with self._database.read() as connection:
                page = connection.execute(
                    query.where(verbatims.c.row > after).order_by(verbatims.c.row).limit(PAGE)
                ).all()
                if not page:
                    return
                outcomes = {found.row: found.outcome for found in page}
                remains = _remains(connection, verbatims.c.row.in_(outcomes) & ~verbatims.c.superseded)
            yield Aged(outcomes, remains)
            after = page[-1].row

    def erase(self, aged: Aged) -> int:
        """Erase a page; returns how many texts. One whose outcome is newer than the page is left to the next call."""
        with self._database.write() as connection:
            found = connection.execute(lock_rows(list(aged.outcomes))).all()
            rows = [one.row for one in found if not one.erased and one.outcome == aged.outcomes[one.row]]
            _erase(connection, rows)
        return len(rows)

    def knows(self, verbatim_id: str) -> bool:
        """Whether the store has this verbatim, or has forgotten it."""
        query = sa.select(verbatims.c.row).where(verbatims.c.verbatim_id == verbatim_id).limit(1)
        with self._database.read() as connection:
            return bool(forgotten_among(connection, [verbatim_id])) or connection.execute(query).first() is not None

    def forget(self, verbatim_id: str) -> bool:
        """Erase every text of a verbatim and who it is, and leave a tombstone; False where one stood already.

        Raises InputError where the store has never seen it.
        """
        with self._database.write() as connection:
            if not self._database.sqlite:  # whoever takes in a page just now finishes first, and is seen below
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(FORGETTING)))
            fresh = not forgotten_among(connection, [verbatim_id])
            mine = sa.select(verbatims.c.row).where(verbatims.c.verbatim_id == verbatim_id)
            found = connection.execute(lock_rows(list(connection.execute(mine).scalars()))).all()
            if fresh and not found:
                raise InputError(
                    f"{self._database.name} has no such verbatim: SOURCE and EXTERNAL_ID are what the warehouse's "
                    "columns source and external_id say"
                )
            if fresh:
                today = datetime.now(UTC).date().isoformat()
                connection.execute(sa.insert(forgotten).values(verbatim_id=verbatim_id, forgotten_on=today))
            _anonymise(connection, [one.row for one in found])
            _erase(connection, [one.row for one in found if not one.erased])
        return fresh

    def remains(self, verbatim_id: str) -> RedactedRows:
        """What is left of a forgotten verbatim: the row of its latest text."""
        texts = sa.select(sa.func.max(verbatims.c.row)).where(verbatims.c.verbatim_id == verbatim_id)
        with self._database.read() as connection:
            left = _remains(connection, verbatims.c.row == texts.scalar_subquery())
        return left if left.rows else RedactedRows((), (verbatim_id,))


def erased_key(row: int) -> str:
    """Under which key an erased verbatim keeps what is counted of its answer: no text has this hash."""
    return f"erased:{row}"


def lock_rows(rows: Sequence[int]) -> sa.Select[Any]:
    """Verbatims as they are, until the end of the transaction; everybody locks them in this order."""
    query = sa.select(verbatims.c.row, verbatims.c.outcome, verbatims.c.erased)
    return query.where(verbatims.c.row.in_(rows)).order_by(verbatims.c.row).with_for_update(key_share=True)


def _remains(connection: sa.Connection, which: sa.ColumnElement[bool]) -> RedactedRows:
    rows = tuple(strip(as_row(found)) for found in connection.execute(analysed().where(which)))
    return RedactedRows(rows, tuple(found.verbatim_id for found in connection.execute(outdated().where(which))))


def _anonymise(connection: sa.Connection, rows: Sequence[int]) -> None:
    """Nothing leads back to the person: not the id, not the address, not a hash that the text would give again.

    Of the instant of writing the day stays: with the second, the public page would show who it was.
    """
    who = {
        "external_id": verbatims.c.verbatim_id,
        "url": None,
        "written_at": sa.func.substr(verbatims.c.written_at, 1, len("2026-01-01")),
        "text_hash": "",
        "superseded": True,
    }
    connection.execute(sa.update(verbatims).where(verbatims.c.row.in_(rows)).values(who))
    connection.execute(sa.update(calls).where(calls.c.row.in_(rows)).values(request_key=_key_of(calls.c.row)))


def _erase(connection: sa.Connection, rows: Sequence[int]) -> None:
    """The words go: text, raw answers, quotes, summary. What nobody has decided yet can't be asked any more."""
    _strip_answers(connection, rows)
    undecided = verbatims.c.outcome.is_(None) & ~verbatims.c.superseded
    outcome = sa.case((undecided, Outcome.FAILED.value), else_=verbatims.c.outcome)
    mine = sa.update(verbatims).where(verbatims.c.row.in_(rows))
    connection.execute(mine.values(text=None, erased=True, outcome=outcome))
    connection.execute(sa.update(calls).where(calls.c.row.in_(rows)).values(raw=None))
    quote = sa.literal("erased ") + sa.cast(topics.c.topic, sa.String)  # differs, as (row, label, quote) has to
    connection.execute(sa.update(topics).where(topics.c.row.in_(rows)).values(quote=quote))


def _strip_answers(connection: sa.Connection, rows: Sequence[int]) -> None:
    """Each verbatim keeps a copy of its answer without words; the shared original stays while others need it."""
    query = (
        sa.select(verbatims.c.row.label("verbatim"), answers)
        .join(answers, answers.c.request_key == verbatims.c.answer_key)
        .where(verbatims.c.row.in_(rows))
        .order_by(answers.c.request_key)
        .with_for_update(of=answers)
    )
    found = connection.execute(query).all()
    if not found:
        return
    connection.execute(sa.insert(answers), [_stripped(one) for one in found])
    theirs = verbatims.c.row.in_([one.verbatim for one in found])
    connection.execute(sa.update(verbatims).where(theirs).values(answer_key=_key_of(verbatims.c.row)))
    needed = sa.exists().where(verbatims.c.answer_key == answers.c.request_key)
    originals = answers.c.request_key.in_({one.request_key for one in found})
    connection.execute(sa.delete(answers).where(originals, ~needed))


def _stripped(answer: Any) -> dict[str, Any]:
    """The copy: who paid for it, when and in which run stays, so that every count stays."""
    new_topics = [{**topic, "quote": None} for topic in json.loads(answer.new_topics)]
    return {
        **{column.name: getattr(answer, column.name) for column in answers.columns},
        "request_key": erased_key(answer.verbatim),
        "summary": "",
        "new_topics": json.dumps(new_topics, ensure_ascii=False),
    }


def _key_of(row: sa.Column[Any]) -> sa.ColumnElement[str]:
    """`erased_key`, in SQL."""
    return sa.literal(erased_key(0)[:-1]) + sa.cast(row, sa.String)
