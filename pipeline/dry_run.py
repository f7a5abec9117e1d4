"""Estimates what a run would do and cost, without a paid call and without a write."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from pipeline import clean as cleaning
from pipeline import cost_range
from pipeline.analyse.analyser import Analyser
from pipeline.analyse.counting import NotCounted
from pipeline.analyse.price import Price
from pipeline.cost_range import Asked, Parts, Range
from pipeline.records import BrokenRecord, Review, SkipReason
from pipeline.store import PastCalls, Store

MOST_COUNTED = 50
"""Texts that are sent to be counted: the tokens per character of fifty differ little from those of all."""

SEED = 7
"""Of the sample: the same records give the same estimate."""

Count = Callable[[Analyser, Sequence[str]], list[int]]
"""The input tokens of a request without a text, and of one for each text. Raises NotCounted."""


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
    """The middle of the two below."""
    low_cost_usd: float
    high_cost_usd: float
    basis: str
    """What the estimate assumes, and what it takes from where."""


class Sample:
    """The sizes of all texts, and a random sample of the texts: a reservoir, so that memory stays small."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)
        self.texts: list[str] = []
        self.seen = 0
        self.characters = 0

    @classmethod
    def of(cls, texts: Sequence[str], seen: int, characters: int) -> Sample:
        """One that somebody else has drawn: of so many texts with so many characters together."""
        sample = cls()
        sample.texts, sample.seen, sample.characters = list(texts), seen, characters
        return sample

    def add(self, text: str) -> None:
        """Take one more text into account. Each has the same chance to be in the sample."""
        self.seen += 1
        self.characters += len(text)
        if len(self.texts) < MOST_COUNTED:
            self.texts.append(text)
        elif (place := self._random.randrange(self.seen)) < MOST_COUNTED:
            self.texts[place] = text


def estimate(
    source: Iterable[Review | BrokenRecord],
    store: Store | None,
    analyser: Analyser,
    price: Price,
    limit: int | None,
    count: Count,
    at_a_time: int,
) -> Estimate:
    """Read prepared records as a run does, and count. `store` is None if none exists yet.

    `at_a_time` is how many calls are in flight.
    """
    counts: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    seen_ids: dict[tuple[str, str], bytes] = {}
    seen_texts: set[tuple[str, bytes]] = set()
    asked: set[str] = set()
    sample = Sample()
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
            sample.add(review.text)
    past = store.past_calls(analyser.record.fingerprint) if store else None
    cost, basis = cost_of(sample, past, analyser, price, count, at_a_time)
    return Estimate(
        counts["scraped"],
        dict(skipped),
        counts["failed"],
        counts["known"],
        len(asked),
        round((cost.low + cost.high) / 2, 6),
        round(cost.low, 6),
        round(cost.high, 6),
        basis,
    )


def cost_of(
    sample: Sample, past: PastCalls | None, analyser: Analyser, price: Price, count: Count, at_a_time: int
) -> tuple[Range, str]:
    """What it costs to ask all texts, and the basis in words."""
    if not sample.seen:
        return Range(0.0, 0.0), "no text to ask"
    asked = Asked(sample.seen, sample.characters)
    fixed, text, input_words = _input(sample, asked, analyser, count)
    answer = cost_range.answer_tokens(asked, past, analyser.thinks)
    missing = cost_range.missing(asked, past, at_a_time)
    parts = Parts(fixed, text, answer, cost_range.calls(asked, past), missing)
    words = [input_words, _output_words(parts, asked, past), _cache_words(parts), _price_words(price)]
    return cost_range.cost(parts, price), "; ".join(filter(None, words))


def _input(sample: Sample, asked: Asked, analyser: Analyser, count: Count) -> tuple[Range, Range, str]:
    """Tokens of the fixed part, tokens of a mean text, and where both are from."""
    try:
        fixed, *tokens = count(analyser, sample.texts)
    except NotCounted as reason:
        fixed_range = cost_range.uncounted(len(str(analyser.request(""))))
        text = cost_range.uncounted(asked.characters / asked.texts)
        assumed = f"assumed at {cost_range.CHARACTERS_PER_TOKEN} characters each, since Claude did not count ({reason})"
        return fixed_range, text, f"{_span(fixed_range, text)} tokens in per call, {assumed}"
    sizes = [(len(one), number - fixed) for one, number in zip(sample.texts, tokens, strict=True)]
    fixed_range, text = Range(fixed, fixed).times(*cost_range.COUNTED), cost_range.counted_text(asked, sizes)
    return fixed_range, text, f"{_span(fixed_range, text)} tokens in per call, counted by Claude on {len(sizes)} texts"


def _output_words(parts: Parts, asked: Asked, past: PastCalls | None) -> str:
    origin = f"as in the last {past.calls} calls" if past else "assumed, without past calls"
    calls = f"{parts.calls.low / asked.texts:.2f} to {parts.calls.high / asked.texts:.2f} calls per text"
    return f"{_span(parts.answer)} out and {calls}, {origin}"


def _cache_words(parts: Parts) -> str:
    if parts.fixed.high < cost_range.CACHED_FROM:
        return ""
    return (
        f"{_span(parts.fixed)} of the tokens in are instructions, which every call reads from the prompt cache (low) "
        f"or {parts.missing:.0%} of the calls write to it (high)"
    )


def _price_words(price: Price) -> str:
    plain, output = cost_range.per_million(price)
    return f"${plain:.2f} in and ${output:.2f} out per million ({price.origin})"


def _span(*ranges: Range) -> str:
    """The sum of some ranges, in words."""
    low, high = round(sum(one.low for one in ranges)), round(sum(one.high for one in ranges))
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
