"""The counts of one source in one night, and the views of them that charts compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.evaluate.share import Count, Strata
from pipeline.records import Sentiment, Signal

OUTCOMES = (Signal.REFUSAL, Signal.EMPTY, Signal.TRUNCATED, Signal.UNREADABLE)
"""Counted among all requests."""

BREACHES = (Signal.SUMMARY_TOO_LONG, Signal.WRONG_LANGUAGE, Signal.QUOTE_TOO_LONG)
TOPICS = (Signal.NO_TOPIC, Signal.NEW_TOPIC)
"""Breaches and topics are counted among analysed answers."""

NO_STARS = "-"
"""Stands for them in the key of a count."""


@dataclass(frozen=True, slots=True)
class Night:
    """The counts of one source's requests of one night. A reused answer is no request: no model gave it that night."""

    requests: int
    """Whatever their outcome."""
    sentiments: Mapping[tuple[int | None, Sentiment], int]
    """Analysed answers by the stars of the review, 1 to 5 or None, and their sentiment."""
    events: Mapping[Signal, int]
    """Answers of each outcome, with each breach, without a topic, with a new topic. Missing means none."""

    @property
    def answers(self) -> int:
        """How many requests were analysed."""
        return sum(self.sentiments.values())

    def mix(self, sentiment: Sentiment) -> Strata:
        """The share of a sentiment among all answers."""
        found = sum(count for (_, one), count in self.sentiments.items() if one is sentiment)
        return {"all": Count(found, self.answers)}

    def given_stars(self, sentiment: Sentiment) -> Strata:
        """The share of a sentiment among the answers to reviews with one star, two stars and so on.

        Reviews without stars are left out: among them, other customers would look like another model.
        """
        totals: dict[int, int] = {}
        for (stars, _), count in self.sentiments.items():
            if stars is not None:
                totals[stars] = totals.get(stars, 0) + count
        return {stars: Count(self.sentiments.get((stars, sentiment), 0), total) for stars, total in totals.items()}

    def event(self, signal: Signal) -> Strata:
        """The share of an event among the requests or answers that can have it."""
        total = self.requests if signal in OUTCOMES else self.answers
        return {"all": Count(self.events.get(signal, 0), total)}

    def as_counts(self) -> dict[str, Any]:
        """As JSON can hold it."""
        sentiments = {f"{stars or NO_STARS} {one.value}": n for (stars, one), n in self.sentiments.items()}
        return {
            "requests": self.requests,
            "sentiments": sentiments,
            "events": {one.value: n for one, n in self.events.items()},
        }


def from_counts(parts: Iterable[Mapping[str, Any]]) -> Night:
    """A night out of the counts of each day on which calls for it were made."""
    requests = 0
    sentiments: dict[tuple[int | None, Sentiment], int] = {}
    events: dict[Signal, int] = {}
    for part in parts:
        requests += part["requests"]
        for key, n in part["sentiments"].items():
            stars, one = key.split(" ")
            which = (None if stars == NO_STARS else int(stars), Sentiment(one))
            sentiments[which] = sentiments.get(which, 0) + n
        for name, n in part["events"].items():
            events[Signal(name)] = events.get(Signal(name), 0) + n
    return Night(requests, sentiments, events)
