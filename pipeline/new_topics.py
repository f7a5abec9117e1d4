"""What people decide about new topics: they join the reference base, stand for a known topic, or are none.

A later decision about the same label replaces an earlier one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import yaml

from pipeline.analyse.topics import ID, MOST, fault_of
from pipeline.errors import InputError, SettingsError
from pipeline.evaluate.candidates import Candidate, Said, collect, neighbours
from pipeline.records import Topic
from pipeline.store import Store, TopicDecision
from pipeline.topic_key import topic_key

HEAD = "# The reference base: one entry per topic. VERBATIMS_TOPICS names a file like this one.\n"


def candidates(store: Store) -> list[Candidate]:
    """New topics that nobody has decided about, the most frequent first; merged ones count together."""
    decided = {one.key: one for one in store.topics.decisions()}
    named = list(store.topics.named())
    spellings = {topic_key(one.label): one.label for one in named}
    said = []
    for one in named:
        key = _end(topic_key(one.label), decided)
        if key not in decided:
            label = one.label if key == topic_key(one.label) else spellings.get(key, one.label)
            said.append(Said(label, one.definition, one.quote, one.source, one.language))
    return collect(said)


def known_label(store: Store, label: str) -> str:
    """The label as answers, or an earlier decision, spell it. Raises InputError, which names the nearest."""
    spelled = {one.key: one.label for one in store.topics.decisions()}
    spelled |= {topic_key(one.label): one.label for one in store.topics.named()}
    if (found := spelled.get(topic_key(label))) is not None:
        return found
    shown = f"; the nearest is {nearest!r}" if (nearest := _nearest(label, spelled.values())) else ""
    raise InputError(
        f"{label!r}: no answer names such a new topic{shown}; `verbatims topics list` shows those there are"
    )


def known_names(base: Iterable[Topic]) -> Mapping[str, tuple[str, ...]]:
    """Topic → its texts in both languages, as `candidates.neighbours` takes them."""
    return {topic.id: (topic.fr, topic.en) for topic in base}


def accept_as(store: Store, base: tuple[Topic, ...], label: str, into: str) -> tuple[Topic, int]:
    """The new topic stands for a topic of the base; returns this and how many rows change."""
    found = next((topic for topic in base if topic.id == into), None)
    if found is None:
        raise InputError(f"--into: {into!r} is no id of the reference base; `verbatims topics export` shows them")
    return found, store.topics.accept(known_label(store, label), found, known=True)


def accept_new(
    store: Store, base: tuple[Topic, ...], label: str, fr: str, en: str, identity: str | None
) -> tuple[Topic, int]:
    """The new topic joins the base under both names; returns it and how many rows change.

    The same label again corrects names, or the id. Raises InputError.
    """
    label = known_label(store, label)
    topic = Topic(identity or _identity(en), _line(fr), _line(en))
    _check(topic)
    there = {known.id for known in base} - {_own_topic(store, label)}
    if topic.id in there:
        raise InputError(f"{topic.id}: the reference base has it already; --into {topic.id} joins the two")
    if len(there) >= MOST:
        raise InputError(
            f"the reference base has {len(there)} topics, and no more than {MOST} travel with each request"
        )
    return topic, store.topics.accept(label, topic, known=False)


def reject(store: Store, label: str) -> int:
    """The new topic is none; returns how many rows change. What was accepted for it alone leaves the base."""
    return store.topics.reject(known_label(store, label))


def merge(store: Store, label: str, into: str) -> int:
    """Both labels name one theme; returns how many rows change: none before the second is decided."""
    return store.topics.merge(known_label(store, label), known_label(store, into))


def exported(base: Iterable[Topic]) -> str:
    """The whole base as a file that VERBATIMS_TOPICS can name."""
    listed: dict[str, Any] = {"topics": [asdict(topic) for topic in base]}
    return HEAD + yaml.safe_dump(listed, allow_unicode=True, sort_keys=False, width=1000)


def _check(topic: Topic) -> None:
    if not ID.fullmatch(topic.id):
        raise InputError(f"--id: {topic.id[:40]!r} is no id: lower case letters, digits and _, at most 40")
    for option, text in (("--fr", topic.fr), ("--en", topic.en)):
        if fault := fault_of(text):
            raise InputError(f"{option}: the text {fault}")


def _own_topic(store: Store, label: str) -> str | None:
    """The id that was accepted for this label, which it may replace; None where it shares a known topic's."""
    accepted = {topic.id for topic in store.topics.accepted()}
    mine = {one.topic for one in store.topics.decisions() if one.key == topic_key(label)}
    return next(iter(mine & accepted), None)


def _end(key: str, decided: Mapping[str, TopicDecision]) -> str:
    """What a key is merged into at last."""
    seen = {key}
    while (found := decided.get(key)) is not None and found.merged_into and found.merged_into not in seen:
        key = found.merged_into
        seen.add(key)
    return key


def _nearest(label: str, others: Iterable[str]) -> str | None:
    """The most similar label; None where none resembles it, or the package that compares them is missing."""
    typed = collect([Said(label, "", None, "", None)])
    try:
        found = neighbours(typed, {other: () for other in others})
    except SettingsError:
        return None
    return next((near.key_or_topic_id for one in typed for near in found[one.key]), None)


def _name(text: str) -> str:
    return text.split(":")[0].strip()


def _line(text: str) -> str:
    return " ".join(text.split())


def _identity(en: str) -> str:
    """An id out of an English name."""
    plain = unicodedata.normalize("NFKD", _name(en).lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40]
