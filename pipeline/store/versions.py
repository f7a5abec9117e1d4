"""Writes the versions of verbatims: an edited text is a new version, and facts said anew replace older ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.records import Review
from pipeline.store.analyses import lock_texts
from pipeline.store.database import Database, insert
from pipeline.store.deliveries import raise_due_again
from pipeline.store.identity import text_hash
from pipeline.store.predicates import LATEST
from pipeline.store.tables import texts

FACTS = ("url", "rating", "language", "written_at", "extra")
"""What a source says about a text, and may say anew without the text being another."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a page of reviews."""

    ids: Mapping[str, int]
    """Verbatim id → its text."""
    new: frozenset[str]
    edited: frozenset[str]
    """Whose text has replaced an older one."""

    @property
    def changed(self) -> frozenset[str]:
        """Whose text the store did not have."""
        return self.new | self.edited


def write(database: Database, connection: sa.Connection, reviews: Mapping[str, Review], today: str) -> Written:
    """Insert new texts, replace edited ones, and refresh facts, by verbatim id."""
    known = latest(connection, reviews)
    new = [_columns(identity, review, today) for identity, review in reviews.items() if identity not in known]
    edited: list[dict[str, Any]] = []
    refreshed: list[dict[str, Any]] = []
    for identity, found in known.items():
        columns = _columns(identity, reviews[identity], found.seen_on)
        # a cell that is blank now takes no text away
        if columns["text_hash"] != found.text_hash and (columns["text"] or not found.characters):
            edited.append(columns | _facts(columns, found))
        elif changes := _facts_said_anew(columns, found):
            refreshed.append({"found": found.text_id, "verbatim": identity, **changes})
    # in one order, as everybody locks texts
    lock_texts(connection, [known[c["verbatim_id"]].text_id for c in edited] + [one["found"] for one in refreshed])
    _supersede(connection, [known[columns["verbatim_id"]].text_id for columns in edited])
    _refresh(connection, refreshed)
    _insert(connection, new + edited)
    replaced = frozenset(columns["verbatim_id"] for columns in edited)
    # url, rating, language and date stand in the row too
    raise_due_again(database, connection, replaced | {one["verbatim"] for one in refreshed})
    ids = {identity: found.text_id for identity, found in latest(connection, reviews).items()}
    return Written(ids, frozenset(columns["verbatim_id"] for columns in new), replaced)


def latest(connection: sa.Connection, identities: Iterable[str]) -> dict[str, Any]:
    """The latest text of each verbatim; sorted, so that those who change several texts lock them in one order."""
    query = sa.select(texts).where(texts.c.verbatim_id.in_(list(identities)), LATEST)
    return {found.verbatim_id: found for found in connection.execute(query.order_by(texts.c.text_id))}


def _dump(extra: Mapping[str, Any]) -> str:
    return json.dumps(dict(extra), ensure_ascii=False, sort_keys=True)


def _facts_said_anew(columns: Mapping[str, Any], found: Any) -> dict[str, Any]:
    """All facts, if one of them has changed."""
    facts = _facts(columns, found)
    if all(facts[name] == getattr(found, name) for name in FACTS):
        return {}
    return {f"new_{name}": value for name, value in facts.items()}


def _facts(columns: Mapping[str, Any], found: Any) -> dict[str, Any]:
    """A fact that a reading lacks stays: a column may just not be named."""
    facts = {name: getattr(found, name) if columns[name] is None else columns[name] for name in FACTS}
    if facts["extra"] and found.extra:
        facts["extra"] = _dump(json.loads(found.extra) | json.loads(facts["extra"]))
    return facts


def _supersede(connection: sa.Connection, ids: Sequence[int]) -> None:
    """The old words go, the counts stay: what was counted once must not vanish from the totals."""
    if ids:
        gone = {"superseded": True, "text": None, "extra": None}
        connection.execute(sa.update(texts).where(texts.c.text_id.in_(ids)).values(gone))


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
        "extra": None if review.extra is None else _dump(review.extra),
        "seen_on": seen_on,
        "text": review.text,
        "text_hash": text_hash(review.text),
        "characters": len(review.text),
        "superseded": False,
        "kept": False,
    }
