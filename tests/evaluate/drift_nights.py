"""Invented nights of one source: what each test does not change is the same every night."""

from collections.abc import Mapping

from pipeline.evaluate.night import Night
from pipeline.records import Sentiment, Signal

PER_NIGHT = 300

GIVEN: Mapping[int, Mapping[Sentiment, int]] = {
    1: {Sentiment.NEGATIVE: 90, Sentiment.MIXED: 10},
    3: {Sentiment.NEGATIVE: 30, Sentiment.NEUTRAL: 40, Sentiment.MIXED: 30},
    5: {Sentiment.POSITIVE: 80, Sentiment.NEUTRAL: 5, Sentiment.MIXED: 15},
}
"""What the model makes of a hundred reviews of one, three and five stars."""

EVENTS: Mapping[Signal, int] = {Signal.REFUSAL: 1, Signal.SUMMARY_TOO_LONG: 2, Signal.NO_TOPIC: 30, Signal.NEW_TOPIC: 9}


def night(stars: Mapping[int, int] | None = None, to_mixed: int = 0, size: int = PER_NIGHT, **events: int) -> Night:
    """A night with so many reviews of each number of stars; `to_mixed` of five stars are mixed, no longer positive."""
    counts: dict[tuple[int | None, Sentiment], int] = {}
    for star, reviews in (stars or dict.fromkeys(GIVEN, size // 3)).items():
        for sentiment, of_hundred in GIVEN[star].items():
            counts[star, sentiment] = of_hundred * reviews // 100
    counts[5, Sentiment.POSITIVE] -= to_mixed
    counts[5, Sentiment.MIXED] += to_mixed
    found = {signal: count * size // PER_NIGHT for signal, count in EVENTS.items()}
    found |= {Signal(name): count for name, count in events.items()}
    return Night(sum(counts.values()) + sum(found.get(one, 0) for one in (Signal.REFUSAL, Signal.EMPTY)), counts, found)
