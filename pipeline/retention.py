"""Texts that may not be kept any longer: by age (`expire`), or on request (`forget`).

Store and warehouse lose the words of a verbatim, that is its text, its quotes, its summary and Claude's raw answers.
Sentiment, topics, tokens, cost and every count stay as they were.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline import clean as cleaning
from pipeline.delivery import deliver
from pipeline.errors import TransientError
from pipeline.events import TaskEnded
from pipeline.file_erasure import erase_file
from pipeline.load import Warehouse
from pipeline.program import next_command
from pipeline.report.files import drop_erased, folder_of
from pipeline.session import Session
from pipeline.store import Forgotten


def first_day_kept(days: int) -> date:
    """What was first seen before this UTC day is older than so many days."""
    return date.fromordinal(max(1, datetime.now(UTC).toordinal() - days))


def expire(session: Session, before: date) -> int:
    """Erase what was first seen before that day; returns how many texts, edited ones included.

    The store comes first, and what it has erased is due in the warehouse until it is there. Raises TransientError
    where store or warehouse is out of reach: the same call goes on.
    """
    erased = 0
    with _reported(session), _warehouse(session) as warehouse, session.progress.stage("expire") as advance:
        for page in session.store.erasure.aged(before):
            done = session.store.erasure.erase(page)
            advance(done, 0.0)
            erased += done
        _bring(session, warehouse)
    return erased


def forget(session: Session, source: str, external_id: str) -> Forgotten:
    """Erase one verbatim, its copies and who it is, and never take them in again.

    The store comes first, and its rows are due in the warehouse until they are there: the same call finishes what an
    interruption left undone. Raises InputError for an unknown verbatim.
    """
    identities = session.store.erasure.identities
    # as the warehouse names it, or as the source does; a store may have both, of before and behind a rule for ids
    both = [identities.of(source, external_id), identities.of(*cleaning.name(source, external_id))]
    known = [identity for identity in dict.fromkeys(both) if identities.knows(identity)] or both[:1]
    done = [session.store.erasure.forget(identity) for identity in known]
    with _warehouse(session) as warehouse:
        _bring(session, warehouse)
    return Forgotten(any(one.fresh for one in done), sum(one.copies for one in done), sum(one.others for one in done))


@contextmanager
def _reported(session: Session) -> Iterator[None]:
    """What the task leaves in the Pushgateway, also when it fails."""
    began = time.monotonic()
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        task = session.task
        seconds = time.monotonic() - began
        session.observer.emit(
            TaskEnded(task.dag_id, "expire", task.try_number, succeeded, seconds, {}, 0.0, errors=int(not succeeded))
        )


@contextmanager
def _warehouse(session: Session) -> Iterator[Warehouse]:
    """Open; when the work in it is done, no file of it or of the store holds the words any more."""
    settings = session.settings
    warehouse = session.open_warehouse()
    try:
        yield warehouse
    finally:
        warehouse.close()
    for claude_id in session.store.batches_with_erased_words():
        session.progress.say(
            f"warning: batch {claude_id} at Claude's side still holds erased words: "
            f"`{next_command('collect')}` deletes it once it has ended"
        )
    unread = _drop_reports(session)
    for url in dict.fromkeys((settings.store, settings.warehouse_url)):
        if url.startswith("sqlite:///"):
            erase_file(Path(url.removeprefix("sqlite:///")))
    if unread:
        raise TransientError(f"{unread[0]} cannot be read, and may quote erased words: delete it, then the same again")


def _drop_reports(session: Session) -> list[Path]:
    """Reports that quote erased words go; returns those that cannot be read."""
    dropped, unread = drop_erased(session.store, folder_of(session.settings.store))
    if dropped:
        reports = "1 report that quotes" if dropped == 1 else f"{dropped} reports that quote"
        session.progress.say(f"deleted: {reports} erased words; `verbatims report RUN` makes a new one")
    return unread


def _bring(session: Session, warehouse: Warehouse) -> None:
    delivered = deliver(session.store, warehouse, lambda *_: None, session.progress.say, erased=True)
    if delivered.rejected:
        raise TransientError(
            f"{warehouse.name} refused {len(delivered.rejected)} rows without their texts and still has the old ones: "
            f"{next(iter(delivered.rejected.values()))}"
        )
