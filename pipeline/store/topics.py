"""New topics that analyses name, and what people have decided about them; the reference base grows by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from pipeline.errors import InputError
from pipeline.records import Topic
from pipeline.store.database import Database
from pipeline.store.decisions import Decision, chain_of, decide, decisions_of, now, resolved
from pipeline.store.deliveries import PAGE, raise_due
from pipeline.store.model_tables import topics
from pipeline.store.predicates import LATEST
from pipeline.store.tables import analyses, answers, texts
from pipeline.topic_key import topic_key


@dataclass(frozen=True, slots=True)
class NewTopicNamed:
    """A new topic that the current analysis of a verbatim names."""

    verbatim_id: str
    label: str
    definition: str
    quote: str | None
    """None once it is erased."""
    source: str
    language: str | None


class Topics:
    """The new topics of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accepted(self, before: str | None = None) -> tuple[Topic, ...]:
        """Topics that people have added to the reference base; `before`: an instant, for a run that began then."""
        there: sa.ColumnElement[bool] = topics.c.retired_at.is_(None)
        if before is not None:
            there = (topics.c.accepted_at <= before) & (there | (topics.c.retired_at > before))
        return self._found(there)

    def ever_accepted(self) -> tuple[Topic, ...]:
        """Those that were taken out again too, which rows may still hold; the latest names last."""
        return self._found(sa.true())

    def decisions(self) -> list[Decision]:
        """All of them."""
        with self._database.read() as connection:
            return decisions_of(connection)

    def named(self) -> Iterator[NewTopicNamed]:
        """Each new topic of each current analysis, decided or not."""
        query = (
            sa.select(texts.c.text_id, texts.c.verbatim_id, texts.c.source, texts.c.language, texts.c.erased)
            .add_columns(answers.c.new_topics)
            .join_from(texts, analyses, analyses.c.analysis_id == texts.c.current)
            .join(answers, answers.c.request_key == analyses.c.request_key)
            .where(answers.c.new_topics != "[]", LATEST)
        )
        after = 0
        while True:
            behind = query.where(texts.c.text_id > after).order_by(texts.c.text_id).limit(PAGE)
            with self._database.read() as connection:
                page = connection.execute(behind).all()
            if not page:
                return
            for found in page:
                for one in json.loads(found.new_topics):
                    quote = None if found.erased else one["quote"]
                    yield NewTopicNamed(
                        found.verbatim_id, one["label"], one["definition"], quote, found.source, found.language
                    )
            after = page[-1].text_id

    def accept(self, label: str, topic: Topic, *, known: bool) -> int:
        """The new topic of this label stands for a topic of the reference base; returns how many rows change.

        `known`: the topic is part of the base already; otherwise it is added, in place of one that the label had
        before. Rows get it without a call, by mapping.
        """
        with self._database.write() as connection:
            decide(connection, label, topic=topic.id)
            _retire_unused(connection, None if known else topic.id)
            if not known:
                added = {"topic": topic.id, "fr": topic.fr, "en": topic.en, "accepted_at": now()}
                connection.execute(sa.insert(topics), added)
        return self._make_due(topic_key(label))

    def reject(self, label: str) -> int:
        """The new topic of this label is none; returns how many rows lose it.

        A topic that was accepted for it alone leaves the reference base.
        """
        with self._database.write() as connection:
            decide(connection, label)
            _retire_unused(connection)
        return self._make_due(topic_key(label))

    def merge(self, label: str, into: str) -> int:
        """Both labels name one theme; returns how many rows change: none where neither is decided.

        Raises InputError where that closes a circle.
        """
        key, target = topic_key(label), topic_key(into)
        with self._database.write() as connection:
            before = resolved(connection)
            chain = {one.key: one.merged_into for one in decisions_of(connection)}
            if key in chain_of(target, chain):
                raise InputError("both labels are one theme already")
            decide(connection, label, merged_into=target)
            _retire_unused(connection)
            undecided = key not in before and key not in resolved(connection)
        changed = self._make_due(key)  # always: the same merge again heals one that broke off here
        return 0 if undecided else changed

    def _found(self, which: sa.ColumnElement[bool]) -> tuple[Topic, ...]:
        query = sa.select(topics).where(which).order_by(topics.c.accepted_at, topics.c.topic)
        with self._database.read() as connection:
            return tuple(Topic(found.topic, found.fr, found.en) for found in connection.execute(query))

    def _make_due(self, key: str) -> int:
        """Rows of verbatims that name this theme, or one that shares its decision."""
        chain = {one.key: one.merged_into for one in self.decisions()}
        theirs = {one for one in chain if key in chain_of(one, chain)} | {key}
        changed = sorted({one.verbatim_id for one in self.named() if topic_key(one.label) in theirs})
        for at in range(0, len(changed), PAGE):
            with self._database.write() as connection:
                raise_due(self._database, connection, changed[at : at + PAGE])
        return len(changed)


def _retire_unused(connection: sa.Connection, replaced: str | None = None) -> None:
    """Take accepted topics out of the base that no decision names any more, and the one that is replaced."""
    used = [one.topic for one in decisions_of(connection) if one.topic and one.topic != replaced]
    unused = sa.update(topics).where(topics.c.retired_at.is_(None), topics.c.topic.not_in(used))
    connection.execute(unused.values(retired_at=now()))
