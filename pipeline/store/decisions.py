"""What people have decided about new topics, as rows are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from pipeline.store.database import insert
from pipeline.store.model_tables import topic_decisions
from pipeline.topic_key import topic_key


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a new topic."""

    key: str
    label: str
    topic: str | None
    """The id that stands for it in rows; None where it was rejected, or shares another's decision."""
    merged_into: str | None


def resolved(connection: sa.Connection) -> Mapping[str, str | None]:
    """Key of a decided new topic → the topic that stands for it in rows; None for those that were rejected."""
    found = {one.key: one for one in decisions_of(connection)}
    chain = {one.key: one.merged_into for one in found.values()}
    ends = {key: chain_of(key, chain)[-1] for key in found}
    return {key: found[end].topic for key, end in ends.items() if end in found}


def chain_of(key: str, merged: Mapping[str, str | None]) -> list[str]:
    """The key, what it is merged into, and so on."""
    found = [key]
    while (following := merged.get(found[-1])) is not None and following not in found:
        found.append(following)
    return found


def decisions_of(connection: sa.Connection) -> list[Decision]:
    """All decisions, the oldest first."""
    rows: Any = connection.execute(sa.select(topic_decisions).order_by(topic_decisions.c.decided_at))
    return [Decision(found.topic_key, found.label, found.topic, found.merged_into) for found in rows]


def decide(connection: sa.Connection, label: str, topic: str | None = None, merged_into: str | None = None) -> None:
    """Note a decision about the theme of this label, in place of an earlier one."""
    values = {"label": label, "topic": topic, "merged_into": merged_into, "decided_at": now()}
    statement = insert(connection, topic_decisions).values(topic_key=topic_key(label), **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["topic_key"], set_=values))


def now() -> str:
    """The instant of a decision."""
    return datetime.now(UTC).isoformat()
