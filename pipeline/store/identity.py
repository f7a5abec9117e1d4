"""Who a verbatim is: a hash of its source and of the source's own id."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, replace

import sqlalchemy as sa

from pipeline.records import COPIES_FROM, Review
from pipeline.store.database import Database
from pipeline.store.tables import forgotten, secrets, texts

HASHED, KEYED = "sha256:", "hmac:"
"""Prefixes of external ids that stand for something: a hash as the stages before make it, and the store's own.

Whoever has a list of phone numbers or of texts could try them all against a plain hash.
"""

IDENTITY_KEY = "identity"
"""Name of the key, which is drawn when the store is made or upgraded."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A verbatim's ids in one store."""

    verbatim_id: str
    external_id: str
    former: frozenset[str]
    """Other ids whose tombstones count: its own by the rules of versions before, and that of its words."""


class Identities:
    """Ids as one store keeps them: hashes become keyed ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: bytes | None = None

    def of(self, source: str, external_id: str, read_as: tuple[str, str] | None = None) -> Identity:
        """The ids of what a source calls `external_id`, after cleaning; `read_as`: source and id before it."""
        stored = external_id
        if external_id.startswith(HASHED):
            stored = keyed(self._read_key(), external_id)
        # sets: most are the same before and after cleaning, and a run hashes each of its records
        sources, ids = map(set, zip((source, external_id), read_as or (source, external_id), strict=True))
        former = frozenset(verbatim_id(one, other) for one in sources for other in ids)
        return Identity(verbatim_id(source, stored), stored, former)

    def of_review(self, review: Review) -> Identity:
        """The ids of a review after cleaning."""
        identity = self.of(review.source, review.external_id, review.read_as)
        if len(review.text) < COPIES_FROM:
            return identity
        words = self.of_words(review.source, text_hash(review.text))
        return replace(identity, former=identity.former | {words})

    def of_words(self, source: str, words: str) -> str:
        """What stands for a source's words, given as `text_hash`, in a tombstone."""
        return verbatim_id(source, keyed(self._read_key(), words))

    def knows(self, identity: Identity) -> bool:
        """Whether the store has this verbatim, or has forgotten it."""
        query = sa.select(texts.c.text_id).where(texts.c.verbatim_id == identity.verbatim_id).limit(1)
        with self._database.read() as connection:
            return bool(forgotten_among(connection, [identity])) or connection.execute(query).first() is not None

    def _read_key(self) -> bytes:
        if self._key is None:
            with self._database.read() as connection:
                query = sa.select(secrets.c.value).where(secrets.c.name == IDENTITY_KEY)
                self._key = bytes.fromhex(connection.execute(query).scalar_one())
        return self._key


def text_hash(text: str) -> str:
    """What is known of a text without holding it."""
    return hashlib.sha256(text.encode()).hexdigest()


def keyed(key: bytes, external_id: str) -> str:
    """What stands for a hashed id in the store with this key."""
    return KEYED + hmac.new(key, external_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def verbatim_id(source: str, external_id: str) -> str:
    """Who a verbatim is: the same in every store and warehouse, unless its external id is a keyed hash."""
    return hashlib.sha256(f"{source}\0{external_id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def forgotten_among(connection: sa.Connection, identities: Collection[Identity]) -> set[str]:
    """The verbatim ids of those with a tombstone."""
    all_ids = {identity.verbatim_id: {identity.verbatim_id, *identity.former} for identity in identities}
    asked = forgotten.c.verbatim_id.in_({one for ids in all_ids.values() for one in ids})
    found = set(connection.execute(sa.select(forgotten.c.verbatim_id).where(asked)).scalars())
    return {verbatim_id for verbatim_id, ids in all_ids.items() if ids & found}
