"""Takes the words out of the store, by age or on request, and leaves everything that is counted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from pipeline.errors import InputError
from pipeline.records import COPIES_FROM
from pipeline.store.analyses import lock_texts
from pipeline.store.database import Database, Turn
from pipeline.store.deliveries import PAGE, raise_due_again
from pipeline.store.identity import Identities, Identity, forgotten_among
from pipeline.store.labels import drop_labels
from pipeline.store.sentinel import replace_erased
from pipeline.store.tables import aliases, analyses, answers, attempts, forgotten, texts

_ERASED_KEY = "erased:"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What forgetting one verbatim came to."""

    fresh: bool
    """False if it was forgotten already."""
    copies: int
    """Verbatims with the same words under other ids, which are forgotten with it."""
    others: int
    """Verbatims with the same few words, which are other people's and stay."""


class Erasure:
    """Erases texts of the store; their rows are due then, and `pipeline/retention.py` brings them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.identities = Identities(database)

    def aged(self, before: date) -> Iterator[list[int]]:
        """Texts that were first seen before that day and still have their words, a page at a time."""
        place = sa.tuple_(texts.c.seen_on, texts.c.text_id)
        query = sa.select(texts.c.seen_on, texts.c.text_id).where(texts.c.seen_on < before.isoformat(), ~texts.c.erased)
        after = ("", 0)
        while True:
            behind = query.where(place > sa.tuple_(*after)).order_by(texts.c.seen_on, texts.c.text_id).limit(PAGE)
            with self._database.read() as connection:
                page = connection.execute(behind).all()
            if not page:
                return
            yield [found.text_id for found in page]
            after = (page[-1].seen_on, page[-1].text_id)

    def erase(self, ids: Sequence[int]) -> int:
        """Erase a page; returns how many of these texts still had their words."""
        with self._database.write() as connection:
            found = [text for text in lock_texts(connection, ids).values() if not text.erased]
            _erase(self._database, connection, found)
        return len(found)

    def forget(self, identity: Identity) -> Forgotten:
        """Erase every text of a verbatim and who it is, and leave tombstones: the verbatim does not come back.

        Neither do its words under another id of the source, unless they are so short that others say the same.
        Raises InputError where the store has never seen it.
        """
        with self._database.write() as connection:
            # waits until pages that are being added are committed: their texts are found below
            self._database.take_turns(connection, Turn.FORGETTING)
            fresh = not forgotten_among(connection, [identity])
            mine = _texts_of(connection, {identity.verbatim_id})
            if fresh and not mine:
                raise InputError(
                    f"{self._database.name} has no such verbatim: SOURCE and EXTERNAL_ID are what the warehouse's "
                    "columns source and external_id say"
                )
            copies, others = _same_words(connection, mine, identity.verbatim_id)
            everyone = {identity.verbatim_id, *copies}
            found = lock_texts(connection, [text.text_id for text in _texts_of(connection, everyone)])
            if fresh:
                words = {self.identities.of_words(text.source, text.text_hash) for text in mine if _is_copied(text)}
                _bury(connection, everyone | words | _aliases_of(connection, everyone))
                _anonymise(connection, list(found))
            _erase(self._database, connection, [text for text in found.values() if not text.erased])
            raise_due_again(self._database, connection, everyone if fresh else set())
        return Forgotten(fresh, len(copies), len(others))


def _texts_of(connection: sa.Connection, verbatim_ids: Collection[str]) -> list[Any]:
    query = sa.select(texts).where(texts.c.verbatim_id.in_(sorted(verbatim_ids))).order_by(texts.c.text_id)
    return list(connection.execute(query))


def _aliases_of(connection: sa.Connection, verbatim_ids: Collection[str]) -> set[str]:
    query = sa.select(aliases.c.alias).where(aliases.c.verbatim_id.in_(sorted(verbatim_ids)))
    return set(connection.execute(query).scalars())


def _is_copied(text: Any) -> bool:
    """Whether the same words under another id are a copy of them."""
    return bool(text.characters >= COPIES_FROM and text.text_hash)


def _same_words(connection: sa.Connection, mine: Sequence[Any], verbatim_id: str) -> tuple[set[str], set[str]]:
    """Other verbatims of the source with the same words: copies, and those that are short enough to be others'."""
    copies: set[str] = set()
    others: set[str] = set()
    for text in (text for text in mine if text.text_hash and text.characters):
        query = sa.select(texts.c.verbatim_id).where(
            texts.c.source == text.source, texts.c.text_hash == text.text_hash, texts.c.verbatim_id != verbatim_id
        )
        (copies if _is_copied(text) else others).update(connection.execute(query).scalars())
    return copies, others


def _bury(connection: sa.Connection, ids: Collection[str]) -> None:
    there = set(
        connection.execute(sa.select(forgotten.c.verbatim_id).where(forgotten.c.verbatim_id.in_(ids))).scalars()
    )
    today = datetime.now(UTC).date().isoformat()
    rows = [{"verbatim_id": one, "forgotten_on": today} for one in sorted(set(ids) - there)]
    if rows:
        connection.execute(sa.insert(forgotten), rows)


def _anonymise(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Nothing leads back to the person: not the id, not the address, not a hash that the text would give again.

    Of the instant of writing the day stays: with the second, the public page would show who it was.
    """
    who = {
        "external_id": texts.c.verbatim_id,
        "url": None,
        "written_at": sa.func.substr(texts.c.written_at, 1, len("2026-01-01")),
        "text_hash": "",
        "extra": None,
        "superseded": True,
    }
    connection.execute(sa.update(texts).where(texts.c.text_id.in_(ids)).values(who))
    connection.execute(sa.update(attempts).where(attempts.c.text_id.in_(ids)).values(request_key=None))


def _erase(database: Database, connection: sa.Connection, found: Sequence[Any]) -> None:
    """The words go: text, raw answers, and the summaries and quotes of every analysis."""
    ids = [text.text_id for text in found]
    if not ids:
        return
    # the texts are locked by now, and answers come next in the order of locks
    _strip_answers(connection, ids)
    drop_labels(connection, ids)
    replace_erased(connection, ids)
    connection.execute(sa.update(texts).where(texts.c.text_id.in_(ids)).values(text=None, extra=None, erased=True))
    connection.execute(sa.update(attempts).where(attempts.c.text_id.in_(ids)).values(raw=None))
    raise_due_again(database, connection, {text.verbatim_id for text in found})


def _strip_answers(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Each analysis keeps a copy of its answer without words; the shared original stays while others need it."""
    query = (
        sa.select(analyses.c.analysis_id, answers)
        .join(answers, answers.c.request_key == analyses.c.request_key)
        .where(analyses.c.text_id.in_(ids))
        .order_by(answers.c.request_key, analyses.c.analysis_id)
        .with_for_update(of=answers)  # a commit that is about to refer to one waits, and inserts it anew
    )
    found = connection.execute(query).all()
    if not found:
        return
    connection.execute(sa.insert(answers), [_stripped(one) for one in found])
    theirs = analyses.c.analysis_id.in_([one.analysis_id for one in found])
    key = sa.literal(_ERASED_KEY) + sa.cast(analyses.c.analysis_id, sa.String)
    connection.execute(sa.update(analyses).where(theirs).values(request_key=key))
    # an identical text, erased or not, may still refer to the original
    needed = sa.exists().where(analyses.c.request_key == answers.c.request_key)
    originals = answers.c.request_key.in_({one.request_key for one in found})
    connection.execute(sa.delete(answers).where(originals, ~needed))


def _stripped(answer: Any) -> dict[str, Any]:
    """The copy: who paid for it, when and in which run stays, so that every count stays."""
    new_topics = [{**topic, "quote": None} for topic in json.loads(answer.new_topics)]
    return {
        **{column.name: getattr(answer, column.name) for column in answers.columns},
        "request_key": f"{_ERASED_KEY}{answer.analysis_id}",
        "summary": "",
        "new_topics": json.dumps(new_topics, ensure_ascii=False),
    }
