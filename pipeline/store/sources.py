"""How many sources a store takes in."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from pipeline.store.tables import texts

MOST = 1000
"""Different sources in one store. Each adds some series to the metrics; a column of names or of words would add
thousands."""

TOO_MANY = f"more than {MOST} different sources in this store: a source is a label of charts, not a person or a text"
"""The problem of a record whose source is one too many."""


class Sources:
    """The sources of one store, as far as this process has met them."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def refused(self, connection: sa.Connection, sources: Iterable[str]) -> set[str]:
        """Those that would be too many; the others are known from now on."""
        new = sorted(source for source in set(sources) - self._known if not _is_there(connection, source))
        room = MOST - _count(connection) if new else 0
        refused = set(new[max(room, 0) :])
        self._known |= set(sources) - refused
        return refused


def _is_there(connection: sa.Connection, source: str) -> bool:
    return connection.execute(sa.select(texts.c.text_id).where(texts.c.source == source).limit(1)).first() is not None


def _count(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.count(texts.c.source.distinct()))).scalar_one())
