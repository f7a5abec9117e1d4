"""From sizes, counted tokens and past calls to a range of cost. Pure functions.

Each part of the bill has a range of its own: tokens of the texts, of the fixed part of a request, of an answer, and
calls. The low end of the cost takes all parts at their low ends, the high end all at their high ends. The range is
therefore wider than the 95 % of each part, and the real bill is inside of it in more than nine of ten cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from pipeline.analyse.price import Price, Tokens
from pipeline.store import PastCalls

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for French and English, used where Claude has not counted."""

ERRORS = 2.0
"""Standard errors on each side of a mean: 95 % of a normal distribution."""

CACHED_FROM = 512
"""Tokens from which claude-haiku-5-5 caches the fixed part of a request."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is not known exactly."""

    low: float
    high: float

    @classmethod
    def around(cls, mean: float, error: float) -> Range:
        """The mean and ERRORS times its standard error on each side."""
        return cls(max(0.0, mean - ERRORS * error), mean + ERRORS * error)

    def times(self, low: float, high: float) -> Range:
        """The low end times one factor, the high end times another."""
        return Range(self.low * low, self.high * high)


COUNTED = (0.98, 1.02)
"""Claude calls its count an estimate: the bill differs from it by a small amount."""

UNCOUNTED = (0.75, 1.6)
"""The rule of thumb is this far off: from 5.3 characters a token to 2.5."""

ASSUMED_ANSWER = Range(50, 250)
"""Output tokens of an answer without past calls; a typical answer has 150, a short one of the sandbox some 60."""

ASSUMED_THINKING = Range(200, 2000)
"""And of thinking. A model that may think takes some 500 for most texts."""

ASSUMED_CALLS = (1.0, 1.1)
"""Calls per text without past calls: at most one text in ten is asked twice."""

OTHER_TEXTS = (0.95, 1.05)
"""Past answers were about other texts, which may be somewhat longer or shorter."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The texts that would be asked."""

    texts: int
    characters: int
    """Of all texts together. Known exactly: only the tokens per character are taken from a sample."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a bill is made of."""

    fixed: Range
    """Tokens per call: instructions and schema, the same in every request."""
    text: Range
    """Tokens per call: the text, at the mean of all texts."""
    answer: Range
    """Output tokens per call."""
    calls: Range
    missing: float
    """The largest share of calls that do not read the fixed part from the prompt cache."""


def counted_text(asked: Asked, sample: Sequence[tuple[int, int]]) -> Range:
    """Tokens of a mean text, from characters and counted tokens of the sampled texts.

    A ratio estimate: tokens per character in the sample, times the characters of all texts. Its standard error comes
    from the residuals of the sample, and is 0 where every text was counted.
    """
    size, characters = len(sample), sum(characters for characters, _ in sample)
    ratio = sum(tokens for _, tokens in sample) / characters
    error = 0.0
    if 1 < size < asked.texts:
        residuals = sum((tokens - ratio * characters) ** 2 for characters, tokens in sample) / (size - 1)
        of_ratio = sqrt(residuals / size * (1 - size / asked.texts)) / (characters / size)
        error = of_ratio * asked.characters / asked.texts
    return Range.around(ratio * asked.characters / asked.texts, error).times(*COUNTED)


def uncounted(characters: float) -> Range:
    """Tokens of so many characters, by the rule of thumb."""
    tokens = characters / CHARACTERS_PER_TOKEN
    return Range(tokens, tokens).times(*UNCOUNTED)


def answer_tokens(asked: Asked, past: PastCalls | None, thinks: bool) -> Range:
    """Mean output tokens of the calls to come: both the past mean and the new one vary, by the same spread."""
    if past is None:
        more = ASSUMED_THINKING if thinks else Range(0, 0)
        return Range(ASSUMED_ANSWER.low + more.low, ASSUMED_ANSWER.high + more.high)
    error = past.output_spread * sqrt(1 / past.calls + 1 / asked.texts)
    return Range.around(past.output_tokens, error).times(*OTHER_TEXTS)


def calls(asked: Asked, past: PastCalls | None) -> Range:
    """How many calls the texts take: a text that got no readable answer is asked once more."""
    if past is None:
        return Range(asked.texts, asked.texts).times(*ASSUMED_CALLS)
    share = (past.calls - past.texts) / past.texts
    # one more text on each side: no second call among sixty texts does not mean that there never is one
    likely = min((past.calls - past.texts + 1) / (past.texts + 2), 1.0)
    error = sqrt(likely * (1 - likely) * (1 / past.texts + 1 / asked.texts))
    per_text = Range.around(share, error)
    return Range(asked.texts * (1 + per_text.low), asked.texts * (1 + per_text.high))


def missing(asked: Asked, past: PastCalls | None, at_a_time: int) -> float:
    """The largest share of calls that do not read from the prompt cache: all, unless past calls have read from it.

    Else those that leave before the first answer is there, or the share of past calls if that is larger.
    """
    if past is None or not past.reading:
        return 1.0
    return min(1.0, max(at_a_time / asked.texts, 1 - past.reading / past.calls))


def cost(parts: Parts, price: Price) -> Range:
    """What the calls cost, in USD.

    The low end: every call reads the fixed part from the prompt cache, since a run shortly before may have written it.
    The high end: `missing` of them pay for writing it. A fixed part that is too short for the cache is paid plainly.
    """
    plain, write, read, output = _per_token(price)
    if parts.fixed.high < CACHED_FROM:
        write = read = plain
    low = parts.fixed.low * read + parts.text.low * plain + parts.answer.low * output
    fixed = parts.missing * write + (1 - parts.missing) * read
    high = parts.fixed.high * fixed + parts.text.high * plain + parts.answer.high * output
    return Range(parts.calls.low * low, parts.calls.high * high)


def per_million(price: Price) -> tuple[float, float]:
    """The price of a million plain input tokens, and of a million output tokens."""
    plain, _, _, output = _per_token(price)
    return plain * 1_000_000, output * 1_000_000


def _per_token(price: Price) -> tuple[float, ...]:
    """The price of a token: plain input, written to the cache, read from it, output."""
    # of a thousand: a request of more than 100,000 has a higher price per token, and no text is that long
    one_kind_each = ((1000, 0, 0, 0), (0, 1000, 0, 0), (0, 0, 1000, 0), (0, 0, 0, 1000))
    return tuple(price.usd(Tokens(*tokens)) / 1000 for tokens in one_kind_each)
