"""Texts that may not be kept any longer: by age (`expire`), or because somebody asks (`forget`).

Store and warehouse lose the words of a verbatim, that is its text, its quotes, its summary and Claude's raw answers.
Sentiment, topics, tokens, cost and every count stay as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline import clean as cleaning
from pipeline.errors import TransientError
from pipeline.file_erasure import erase_file
from pipeline.journey import Context
from pipeline.load import Warehouse
from pipeline.store import Erasure, RedactedRows, verbatim_id


def first_day_kept(days: int) -> date:
    """What was first seen before this UTC day is older than so many days."""
    return date.fromordinal(max(1, datetime.now(UTC).toordinal() - days))


def expire(context: Context, before: date) -> int:
    """Erase what was first seen before that day; returns how many texts, edited ones included.

    The warehouse comes first: what a stop leaves between both is still due in the store, and the next call mends it.
    Raises TransientError where store or warehouse is out of reach: the same call goes on.
    """
    erasure, erased = Erasure(context.store.database), 0
    with _warehouse(context) as warehouse, context.progress.stage("expire") as advance:
        for page in erasure.aged(before):
            _bring(warehouse, page.remains)
            done = erasure.erase(page)
            advance(done, 0.0)
            erased += done
    return erased


def forget(context: Context, source: str, external_id: str) -> bool:
    """Erase one verbatim and who it is, and never take it in again; False where that had been done before.

    The store comes first: a load that runs meanwhile then finds nothing to bring back, and the same call once more
    does to the warehouse whatever a stop has left undone. Raises InputError for a verbatim nobody knows.
    """
    erasure = Erasure(context.store.database)
    given = verbatim_id(source, external_id)
    identity = given if erasure.knows(given) else verbatim_id(*cleaning.name(source, external_id))
    fresh = erasure.forget(identity)
    with _warehouse(context) as warehouse:
        _bring(warehouse, erasure.remains(identity))
    return fresh


@contextmanager
def _warehouse(context: Context) -> Iterator[Warehouse]:
    """Open; when the work in it is done, no file of it or of the store holds the words any more."""
    settings = context.settings
    warehouse = context.open_warehouse()
    try:
        yield warehouse
    finally:
        warehouse.close()
    for url in dict.fromkeys((settings.store, settings.warehouse_url)):
        if url.startswith("sqlite:///"):
            erase_file(Path(url.removeprefix("sqlite:///")))


def _bring(warehouse: Warehouse, remains: RedactedRows) -> None:
    loaded = warehouse.load([remains.rows], remains.outdated)
    if loaded.refused:
        raise TransientError(
            f"{warehouse.name} refused {len(loaded.refused)} rows without their texts and still has the old ones: "
            f"{loaded.refused[0].problem}"
        )
