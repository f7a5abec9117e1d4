"""What a round is made of, all of it drawn from its seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from .reviews import Review, draw_reviews, kept

SETTINGS: Sequence[dict[str, str]] = (
    {},
    {"VERBATIMS_MAX_TOKENS": "2048"},
    {"VERBATIMS_THINKING": "adaptive", "VERBATIMS_MAX_TOKENS": "4096"},
    {"VERBATIMS_TOPICS": "topics.yaml"},
)
"""Each of them is another analyser, or another request."""

SAME_FILE = "the same file"

COMBINATIONS = (
    ("sqlite", "sqlite"),
    ("sqlite", SAME_FILE),
    ("sqlite", "bigquery"),
    ("postgres", "sqlite"),
    ("postgres", "bigquery"),
    ("postgres", "bigquery"),
)

KILL, FREEZE, LONG_FREEZE, OUTAGE, FULL_DISK, CLOCK = "kill", "freeze", "long freeze", "outage", "full disk", "clock"
LOAD, EXPIRE, FORGET, REPORT = "load", "expire", "forget", "report"
KILLED_LOAD, KILLED_EXPIRE = "killed load", "killed expire"

LASTS_S = {LONG_FREEZE: (12.0, 14.0), KILLED_LOAD: (0.1, 1.0), KILLED_EXPIRE: (0.1, 1.0)}
"""Seconds, the shortest and the longest; a long freeze is longer than a lease."""


@dataclass(frozen=True)
class Worker:
    """A process that asks Claude."""

    command: str
    """run or analyse"""
    settings: dict[str, str]


@dataclass(frozen=True)
class Strike:
    """Something that happens beside the workers, once they have been billed this share of the answers."""

    kind: str
    share: float
    pause_s: float
    """So long after that moment."""
    lasts_s: float
    victim: int
    """Which worker, where it hits one."""


@dataclass(frozen=True)
class Plan:
    """All that is decided before a round."""

    seed: int
    number: int
    reviews: Sequence[Review]
    store: str
    """sqlite or postgres"""
    warehouse: str
    """sqlite, bigquery, or the same file as the store's"""
    scraped_before: bool
    """Or all workers find no store yet."""
    workers: Sequence[Worker]
    strikes: Sequence[Strike]
    expired: Sequence[Review]
    forgotten: Sequence[Review]
    concurrency: int
    latency_s: float
    faults: str

    @property
    def name(self) -> str:
        return f"{self.seed}/{self.number}"

    @property
    def combination(self) -> str:
        """Store and warehouse."""
        return f"{self.store} → {self.warehouse}"

    @property
    def kinds(self) -> int:
        """How many different requests one text may be."""
        return len({tuple(sorted(worker.settings.items())) for worker in self.workers} | {()})

    def has(self, kind: str) -> bool:
        """Whether such a strike is planned."""
        return any(strike.kind == kind for strike in self.strikes)


def draw(seed: int, number: int, *, clock: bool) -> Plan:
    """The plan of one round. `clock`: whether a clock can be stepped here."""
    random = Random(f"{seed}/{number}")
    reviews = draw_reviews(random)
    store, warehouse = random.choice(COMBINATIONS)
    scraped_before = random.random() < 0.8
    workers = [_worker(random, scraped_before) for _ in range(random.randint(2, 4))]
    strikes = _strikes(random, len(workers), scraped_before)
    if not clock:
        strikes = [strike for strike in strikes if strike.kind != CLOCK]
    expired, forgotten = _erased(random, reviews, {strike.kind for strike in strikes})
    return Plan(
        seed, number, reviews, store, warehouse, scraped_before, workers, strikes, expired, forgotten,
        random.randint(4, 8), random.uniform(0.2, 0.5), _faults(random),
    )  # fmt: skip


def _worker(random: Random, scraped_before: bool) -> Worker:
    command = random.choice(("run", "analyse")) if scraped_before else "run"
    return Worker(command, random.choice((SETTINGS[0], *SETTINGS)))


def _strikes(random: Random, workers: int, scraped_before: bool) -> list[Strike]:
    kinds = random.sample((KILL, KILL, FREEZE, LONG_FREEZE, OUTAGE, FULL_DISK, CLOCK), random.randint(0, 3))
    if scraped_before:  # these need a store
        kinds += random.sample((LOAD, KILLED_LOAD, EXPIRE, KILLED_EXPIRE, FORGET, REPORT), random.randint(0, 4))
    return [_strike(random, kind, workers) for kind in kinds]


def _strike(random: Random, kind: str, workers: int) -> Strike:
    shortest, longest = LASTS_S.get(kind, (1.0, 3.0))
    moment = random.uniform(0.0, 1.0), random.uniform(0.0, 1.0)
    return Strike(kind, *moment, random.uniform(shortest, longest), random.randrange(workers))


def _erased(random: Random, reviews: Sequence[Review], kinds: set[str]) -> tuple[list[Review], list[Review]]:
    """What is to be expired and what forgotten: of texts that are there once, whose fate no copy shares."""
    texts = [review.canary for review in reviews]
    alone = [review for review in kept(reviews) if texts.count(review.canary) == 1]
    chosen = random.sample(alone, 12)
    expired = [review for review in chosen[:9] if not review.secret_id]
    return expired if kinds & {EXPIRE, KILLED_EXPIRE} else [], chosen[9:] if FORGET in kinds else []


def _faults(random: Random) -> str:
    shares = {"unreadable": 0.06, "overloaded": 0.05, "unavailable": 0.1, "slow": 0.3}
    return ",".join(f"{kind}={share * random.choice((0, 1, 1)):g}" for kind, share in shares.items())
