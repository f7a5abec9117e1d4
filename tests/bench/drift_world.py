"""An invented model that answers to real stars: the counts of many nights, drawn as arrays.

The stars are drawn from the real reviews of six apps. What the model makes of them is invented, and differs a little
between the apps: P(sentiment | stars), and how often an answer has one of the events.

steady  a source is one app
mixed   a source pools the three apps of one language, in proportions drawn anew each night: Dirichlet(3, 3, 3)
wobble  a source is one app; its share of one and two stars has a noise of 3 points, and 3 points more on weekends

The number of verbatims of a night is drawn from 0.7 to 1.3 of its mean.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.records import Sentiment, Signal

Array = np.ndarray

SENTIMENTS = tuple(Sentiment)
REGIMES = ("steady", "mixed", "wobble")
NOISE = 0.03

GIVEN = {
    Sentiment.POSITIVE: (0.01, 0.03, 0.15, 0.70, 0.93),
    Sentiment.NEUTRAL: (0.03, 0.06, 0.20, 0.10, 0.04),
    Sentiment.NEGATIVE: (0.92, 0.76, 0.35, 0.05, 0.01),
    Sentiment.MIXED: (0.04, 0.15, 0.30, 0.15, 0.02),
}
"""Invented: the share of each sentiment among the answers to one, two, … five stars."""

RATES = {
    Signal.REFUSAL: 0.002,
    Signal.EMPTY: 0.0005,
    Signal.TRUNCATED: 0.001,
    Signal.UNREADABLE: 0.003,
    Signal.SUMMARY_TOO_LONG: 0.01,
    Signal.WRONG_LANGUAGE: 0.003,
    Signal.QUOTE_TOO_LONG: 0.005,
    Signal.NO_TOPIC: 0.12,
    Signal.NEW_TOPIC: 0.03,
}
"""Invented."""

TO_MIXED = (0.0, 0.06, -0.06, 0.04, -0.04, 0.08)
"""How the apps differ: this share of the positive (or where negative, of the negative) answers is mixed instead."""

FACTORS = (0.6, 1.0, 1.4, 0.8, 1.2, 1.0)
"""How the apps differ: times the rate of each event."""


@dataclass(frozen=True)
class App:
    """Whose customers give stars, and what the model makes of them."""

    language: str
    stars: Array
    """Shares of one to five stars."""
    given: Array
    """Stars × sentiments: P(sentiment | stars)."""
    rates: Array

    def with_model(self, taken: Sentiment, made: Sentiment, points: float) -> App:
        """The model calls so many answers `made` that it called `taken` before; as a share of all answers."""
        given, column = self.given.copy(), SENTIMENTS.index(taken)
        moved = given[:, column] * points / (self.stars @ given[:, column])
        given[:, column] -= moved
        given[:, SENTIMENTS.index(made)] += moved
        return replace(self, given=given)

    def with_event(self, signal: Signal, times: float) -> App:
        """One event is so many times as frequent."""
        return replace(self, rates=self.rates * np.array([times if one is signal else 1.0 for one in RATES]))

    def with_customers(self, points: float) -> App:
        """So many more customers give one or two stars; as a share of all."""
        return replace(self, stars=_tilted(self.stars, np.array(points)))


@dataclass(frozen=True)
class Counts:
    """What was drawn. The first axis is the source, of all installations in a row; the second is the night."""

    sentiments: Array
    """Sources × nights × stars × sentiments."""
    events: Array
    """Sources × nights × events, in the order of RATES."""

    @property
    def totals(self) -> Array:
        """Sources × nights."""
        return self.sentiments.sum((2, 3))

    def then(self, later: Counts) -> Counts:
        """These nights and after them the later ones of the same sources."""
        return Counts(
            np.concatenate([self.sentiments, later.sentiments], 1), np.concatenate([self.events, later.events], 1)
        )


def read_apps(folder: Path, differ: float = 1.0) -> list[App]:
    """The six apps of the real reviews: three in French, three in English; `differ` times as much as TO_MIXED says."""
    found: dict[tuple[str, str], Counter[int]] = {}
    for language in ("fr", "en"):
        with (folder / f"avis_apps_{language}.jsonl").open(encoding="utf-8") as lines:
            for review in map(json.loads, lines):
                found.setdefault((language, review["application"]), Counter())[review["note"]] += 1
    return [make_app(language, stars, at, differ) for at, ((language, _), stars) in enumerate(found.items())]


def make_app(language: str, stars: Counter[int], at: int, differ: float = 1.0) -> App:
    """An app with such stars, and the `at`-th way to differ from the others."""
    shares = np.array([stars[star] for star in range(1, 6)]) / stars.total()
    given = np.array([GIVEN[one] for one in SENTIMENTS]).T
    taken = SENTIMENTS.index(Sentiment.POSITIVE if TO_MIXED[at] >= 0 else Sentiment.NEGATIVE)
    moved = given[:, taken] * abs(TO_MIXED[at]) * differ
    given[:, taken] -= moved
    given[:, SENTIMENTS.index(Sentiment.MIXED)] += moved
    return App(language, shares, given, np.array(list(RATES.values())) * FACTORS[at])


def draw(
    rng: np.random.Generator,
    sources: list[list[App]],
    nights: int,
    per_night: int,
    regime: str,
    first: int = 0,
    proportions: tuple[float, ...] = (3.0, 3.0, 3.0),
) -> Counts:
    """The counts of so many nights of sources, each of which pools apps. `first` is the number of the first night.

    `proportions` are those of Dirichlet's distribution: how the apps of a pool share its verbatims.
    """
    numbers = np.arange(first, first + nights)
    drawn = [_source(rng, apps, numbers, per_night, regime, proportions[: len(apps)]) for apps in sources]
    return Counts(np.stack([one for one, _ in drawn]), np.stack([events for _, events in drawn]))


def pools(apps: list[App], regime: str, sources: int) -> list[list[App]]:
    """So many sources: the apps in turn, each alone, or where sources are mixed with those of its language."""
    chosen = [apps[at % len(apps)] for at in range(sources)]
    if regime != "mixed":
        return [[app] for app in chosen]
    return [[other for other in apps if other.language == app.language] for app in chosen]


def _source(
    rng: np.random.Generator,
    apps: list[App],
    nights: Array,
    per_night: int,
    regime: str,
    proportions: tuple[float, ...],
) -> tuple[Array, Array]:
    totals = np.round(per_night * rng.uniform(0.7, 1.3, len(nights))).astype(int)
    parts = rng.multinomial(totals, rng.dirichlet(proportions, len(nights)))
    sentiments = np.zeros((len(nights), 5, len(SENTIMENTS)), int)
    events = np.zeros((len(nights), len(RATES)), int)
    for app, part in zip(apps, parts.T, strict=True):
        stars = np.broadcast_to(app.stars, (len(nights), 5))
        if regime == "wobble":
            stars = _tilted(stars, rng.normal(0, NOISE, len(nights)) + NOISE * (nights % 7 >= 5))
        sentiments += rng.multinomial(rng.multinomial(part, stars), app.given)
        events += rng.binomial(part[:, None], app.rates)
    return sentiments, events


def _tilted(stars: Array, points: Array) -> Array:
    """The same stars with so much more of one and two of them, in proportion."""
    low = stars[..., :2].sum(-1)
    wanted = np.clip(low + points, 0.01, 0.99)
    factors = np.stack([wanted / low] * 2 + [(1 - wanted) / (1 - low)] * 3, -1)
    return stars * factors
