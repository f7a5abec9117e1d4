"""Which topics verbatims have, with what they say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.records import Sentiment
from pipeline.store import NewTopicSaid, RunFacts, Said

MOST_TOPICS = 12
MOST_NEW = 20
QUOTES = 2
"""For each topic; more would be a list to read, not a report."""


@dataclass(frozen=True, slots=True)
class TopicCount:
    """How often a topic of the reference base was named, each verbatim once."""

    topic: str
    verbatims: int
    negative: int
    """Of them, those with a negative sentiment."""
    examples: tuple[Said, ...]
    """Summaries of verbatims with it."""


@dataclass(frozen=True, slots=True)
class NewTopicCount:
    """A topic that the reference base lacks. Labels that differ in case or blanks alone are one."""

    label: str
    definition: str
    named: int
    quotes: tuple[Said, ...]


def count_topics(facts: RunFacts, run_id: str) -> tuple[TopicCount, ...]:
    """The most frequent ones first."""
    named: Counter[str] = Counter()
    negative: Counter[str] = Counter()
    for topics, sentiment, verbatims in facts.topics(run_id):
        for topic in set(topics):
            named[topic] += verbatims
            negative[topic] += verbatims if sentiment == Sentiment.NEGATIVE else 0
    most = sorted(named, key=lambda topic: (-named[topic], topic))[:MOST_TOPICS]
    return tuple(
        TopicCount(topic, named[topic], negative[topic], tuple(facts.summaries(run_id, topic, QUOTES)))
        for topic in most
    )


def count_new_topics(named: Iterable[NewTopicSaid]) -> tuple[NewTopicCount, ...]:
    """The most frequent ones first."""
    by_label: dict[str, list[NewTopicSaid]] = {}
    for topic in named:
        by_label.setdefault(" ".join(topic.label.casefold().split()), []).append(topic)
    most = sorted(by_label.values(), key=lambda same: (-len(same), same[0].label))[:MOST_NEW]
    return tuple(_together(same) for same in most)


def _together(same: list[NewTopicSaid]) -> NewTopicCount:
    quotes = [topic.quote for topic in same if topic.quote][:QUOTES]
    return NewTopicCount(same[0].label, same[0].definition, len(same), tuple(quotes))
