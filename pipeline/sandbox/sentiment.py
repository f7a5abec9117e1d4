"""How a customer feels, by words alone: no rating is seen, nothing is learnt, one text has one answer."""

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

_CUES_AT_MOST = 1.2
"""Blame that the words of a complaint add up to at most: alone they make no outrage."""

_STOPS = frozenset(".,!?;\n…")

_REACH = 4
"""Words that a negation reaches forward, within its sentence."""

_PRAISE_NEGATED, _BLAME_NEGATED = -0.9, -0.5
"""`pas pratique` is blame; `pas mauvais` is fainter praise than `bon`."""

_AFTER_TURN = 1.2
"""What follows a `mais` weighs more than what stood before it."""

_MIXED_FROM = 1.8
"""Praise and blame must both reach this to call a text mixed."""

_MIXED_WITHIN = 0.15
"""... and differ by no more than this share of their sum."""

_IRONY_FROM = 1.5
"""Blame beside which "bravo" and "merci" are no praise."""

_FELT_FROM = 0.25
"""Below this nothing was felt: neutral."""


class Feeling(NamedTuple):
    """Sums of praise and blame, both 0 or above."""

    praise: float
    blame: float

    @property
    def sentiment(self) -> Sentiment:
        """Positive, negative, mixed when both are strong and close, neutral when neither is there."""
        total, difference = self.praise + self.blame, self.praise - self.blame
        if min(self.praise, self.blame) >= _MIXED_FROM and abs(difference) <= _MIXED_WITHIN * total:
            return Sentiment.MIXED
        if abs(difference) < _FELT_FROM:
            return Sentiment.NEUTRAL
        return Sentiment.POSITIVE if difference > 0 else Sentiment.NEGATIVE


def feel(forms: Sequence[str]) -> Feeling:
    """Weigh the words of a text, as `words.split` forms them."""
    turn = next((at for at, form in enumerate(forms) if form in TURNS), len(forms))
    hits = [(hit, _weight(hit, forms, turn)) for hit in _FEELING.find(forms)]
    blame = -sum(weight for _, weight in hits if weight < 0)
    ironic = _ironic(hits, forms) if blame >= _IRONY_FROM else 0.0
    praise = sum(weight for _, weight in hits if weight > 0)
    cues = min(_CUES_AT_MOST, sum(hit.value for hit in _CUES.find(forms)))
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
    for back in range(at - 1, max(at - 1 - _REACH, -1), -1):
        form = forms[back]
        if form in _STOPS or form in TURNS:
            break
        if form in NEGATIONS and (form != "t" or forms[back - 1] in CONTRACTED):
            return True
    following = forms[at + 1] if at + 1 < len(forms) else ""
    return following in ("pas", "plus", "jamais") and forms[at].startswith(NEGATED_AFTER)


def _ironic(hits: list[tuple[Hit[float], float]], forms: Sequence[str]) -> float:
    """Praise by words that people who complain say bitterly: "merci", "bravo"."""
    return sum(weight for hit, weight in hits if weight > 0 and forms[hit.first] in IRONIC)
