"""Estimates what a run would do and cost, without a call and without a write."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from pipeline import clean as cleaning
from pipeline.analyse.analyser import Analyser
from pipeline.analyse.price import Price, Tokens
from pipeline.records import BrokenRecord, Review, SkipReason
from pipeline.store import Store

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for French and English; real calls are billed by real tokens."""

ANSWER_TOKENS = 150
"""Tokens of a typical answer."""

THINKING_TOKENS = 500
"""Additional tokens of a model that may think: the lowest number measured."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated result of a run."""

    scraped: int
    skipped: dict[str, int]
    failed: int
    known: int
    """Already decided in the store: no call needed."""
    would_ask: int
    estimated_cost_usd: float
    basis: str
    """What the estimate assumes, and what it takes from where."""


def estimate(
    source: Iterable[Review | BrokenRecord], store: Store | None, analyser: Analyser, price: Price, limit: int | None
) -> Estimate:
    """Read prepared records as a run does, and count. `store` is None if none exists yet."""
    counts: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    seen_ids: dict[tuple[str, str], bytes] = {}
    seen_texts: set[tuple[str, bytes]] = set()
    asked: set[str] = set()
    sizes: Counter[int] = Counter()
    # the prompt and the schema, the same in every request
    fixed = len(str(analyser.request(""))) // CHARACTERS_PER_TOKEN
    for review in islice(source, limit):
        counts["scraped"] += 1
        if isinstance(review, BrokenRecord):
            counts["failed"] += 1
            continue
        # hashes instead of texts: memory stays small for a million records
        words = hashlib.sha256(review.text.encode()).digest()[:16]
        first = seen_ids.setdefault((review.source, review.external_id), words)
        if first is not words:
            counts["failed"] += first != words
            skipped[SkipReason.DUPLICATE.value] += first == words
            continue
        text = (review.source, words)
        reason = cleaning.reason(review.text, duplicate=text in seen_texts)
        seen_texts.add(text)
        if reason is not None:
            skipped[reason.value] += 1
        elif store is not None and store.texts.is_known(review):
            counts["known"] += 1
        elif (key := analyser.key(review.text)) not in asked:
            asked.add(key)
            sizes[fixed + len(review.text) // CHARACTERS_PER_TOKEN] += 1
    answer = ANSWER_TOKENS + (THINKING_TOKENS if analyser.thinks else 0)
    # per request: long requests have a higher price per token, which the sum of short ones must not reach
    cost = sum(number * price.usd(Tokens(size, 0, 0, answer)) for size, number in sizes.items())
    tokens = sum(size * number for size, number in sizes.items())
    return Estimate(
        counts["scraped"],
        dict(skipped),
        counts["failed"],
        counts["known"],
        len(asked),
        round(cost, 4),
        basis(price, tokens, answer),
    )


def basis(price: Price, tokens: int, answer: int) -> str:
    """What an estimate of so many input tokens, and so many per answer, rests on."""
    per_million = (price.usd(Tokens(1000, 0, 0, 0)) * 1000, price.usd(Tokens(0, 0, 0, 1000)) * 1000)
    return (
        f"{tokens:,} tokens in, assumed at {CHARACTERS_PER_TOKEN} characters each and not counted, and {answer} out "
        f"per answer; ${per_million[0]:.2f} and ${per_million[1]:.2f} per million ({price.origin}); a second "
        "question, a longer answer and the prompt cache change it"
    )
