"""Sentiment by word lists alone: no rating and no training, and the same text always gives the same result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.records import Sentiment
from pipeline.sandbox.lexicon import (
    CONTRACTED,
    CUES,
    FEELING,
    IRONIC,
    NEGATED_AFTER,
    NEGATIONS,
    STRONGER,
    TURNS,
    WEAKER,
)
from pipeline.sandbox.tokenizer import Hit, Listing

_FEELING = Listing(FEELING)
_CUES = Listing(dict.fromkeys(CUES, 0.3))

_MAX_CUES = 1.2
"""Maximum blame from words such as "complaint": without others they are a weak sign."""

_STOPS = frozenset(".,!?;\n…")

_REACH = 4
"""Words after a negation that it affects, within its sentence."""

_PRAISE_NEGATED, _BLAME_NEGATED = -0.9, -0.5
"""Factors of negated words: `pas pratique` is blame; `pas mauvais` is weaker praise than `bon`."""

_AFTER_TURN = 1.2
"""Factor of words after `mais`, which usually introduces the main point."""

_MIXED_FROM = 1.8
"""A mixed text needs at least this much of both praise and blame,"""

_MIXED_WITHIN = 0.15
"""and a difference of at most this share of their sum."""

_IRONY_FROM = 1.5
"""With this much blame, "bravo" and "merci" are taken as irony."""

_FELT_FROM = 0.25
"""A smaller difference between praise and blame is neutral."""


class Feeling(NamedTuple):
    """Sums of praise and blame, both 0 or above."""

    praise: float
    blame: float

    @property
    def sentiment(self) -> Sentiment:
        """Mixed if praise and blame are both strong and close, neutral if their difference is small."""
        total, difference = self.praise + self.blame, self.praise - self.blame
        if min(self.praise, self.blame) >= _MIXED_FROM and abs(difference) <= _MIXED_WITHIN * total:
            return Sentiment.MIXED
        if abs(difference) < _FELT_FROM:
            return Sentiment.NEUTRAL
        return Sentiment.POSITIVE if difference > 0 else Sentiment.NEGATIVE


def feel(forms: Sequence[str]) -> Feeling:
    """The feeling of a text, from its words as `tokenizer.split` gives them."""
    turn = next((at for at, form in enumerate(forms) if form in TURNS), len(forms))
    hits = [(hit, _weight(hit, forms, turn)) for hit in _FEELING.find(forms)]
    blame = -sum(weight for _, weight in hits if weight < 0)
    ironic = _ironic(hits, forms) if blame >= _IRONY_FROM else 0.0
    praise = sum(weight for _, weight in hits if weight > 0)
    cues = min(_MAX_CUES, sum(hit.value for hit in _CUES.find(forms)))
    return Feeling(praise - ironic, blame + ironic / 2 + cues)


def _weight(hit: Hit[float], forms: Sequence[str], turn: int) -> float:
    weight = hit.value
    if hit.last - hit.first == 1 and _negated(hit.first, forms):
        weight *= _PRAISE_NEGATED if weight > 0 else _BLAME_NEGATED
    before = forms[hit.first - 1] if hit.first else ""
    if before in STRONGER:
        weight *= 1.4
    elif before in WEAKER:
        weight *= 0.7
    return weight * _AFTER_TURN if hit.first > turn else weight


def _negated(at: int, forms: Sequence[str]) -> bool:
    """Whether a negation comes before a word ("n'est pas pratique") or directly after it ("ne marche pas")."""
    for back in range(at - 1, max(at - 1 - _REACH, -1), -1):
        form = forms[back]
        if form in _STOPS or form in TURNS:
            break
        # English "don't" is split at the apostrophe; a "t" alone may be the French pronoun
        if form in NEGATIONS and (form != "t" or forms[back - 1] in CONTRACTED):
            return True
    following = forms[at + 1] if at + 1 < len(forms) else ""
    return following in ("pas", "plus", "jamais") and forms[at].startswith(NEGATED_AFTER)


def _ironic(hits: list[tuple[Hit[float], float]], forms: Sequence[str]) -> float:
    """The praise from words that are often meant ironically: "merci", "bravo"."""
    return sum(weight for hit, weight in hits if weight > 0 and forms[hit.first] in IRONIC)
