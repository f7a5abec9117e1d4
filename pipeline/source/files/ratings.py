"""Reads the ratings of one column of a file as stars out of five, on the scale that the column is on."""

from __future__ import annotations

import re
from itertools import pairwise

from pipeline.source import fields

SCALES = (5.0, 10.0, 20.0, 100.0)
"""The scales met in real files. A column without a stated one is on the smallest that holds its largest number."""

MANY = 10
"""From so many numbers on a single one above the scale does not change it: somebody typed 45 for 4.5."""

OUTLIERS = 0.02
"""The share of the numbers of a column that may be above its scale."""

LONGEST = 40
"""Characters of a rating."""

_IN_NAME = re.compile(
    r"(?:^|_)(?:sur|out_of|von)_(?P<a>5|10|20|100)(?:_|$)"
    r"|(?:^|_)(?:notes?|ratings?|scores?|stars?|etoiles?)_(?P<b>5|10|20|100)_?$"
)
_WORD = re.compile(r"[^\W\d_]+")
_WORDS = frozenset({
    "etoile", "etoiles", "star", "stars", "sterne", "note", "sur", "out", "of", "von", "de", "point", "points", "pts",
})  # fmt: skip


class RatingColumn:
    """How one column rates. Give every value to `look`, then call `read`.

    `scale` is the best rating as the user states it; without it the column's name (`Note /10`) or its values decide.
    """

    def __init__(self, name: str | None = None, scale: float | None = None) -> None:
        bare = re.sub(r"[\W_]+", "_", fields.folded((name or "").replace("/", " sur ")))
        named = _IN_NAME.search(bare)
        self._stated = scale
        self._named = float(named["a"] or named["b"]) if named else None
        # by the smallest scale that they are on
        self._numbers = dict.fromkeys(SCALES, 0)
        self._largest = dict.fromkeys(SCALES, -1.0)

    def look(self, value: object) -> None:
        """Take a value as evidence for the scale. One with a scale of its own, such as `8/10`, is none."""
        number = fields.rating(value)
        if number is not None:
            smallest = next(scale for scale in SCALES if number <= scale)
            self._numbers[smallest] += 1
            self._largest[smallest] = max(self._largest[smallest], number)

    @property
    def scale(self) -> float:
        """The best rating of the column."""
        return self._stated or self._named or self._proven()

    def _proven(self) -> float:
        total = sum(self._numbers.values())
        tolerated = max(1.0, OUTLIERS * total) if total >= MANY else 0.0
        above = 0
        for smaller, scale in reversed(list(pairwise(SCALES))):
            above += self._numbers[scale]
            # halves of a scale of ten are usual, and no typing error
            if above > tolerated or (smaller == SCALES[0] and self._numbers[scale]):
                return scale
        return SCALES[0]

    def decided(self) -> str | None:
        """What was decided, for the reader of a report; None if every value states its own scale."""
        if self._stated:
            return f"out of {self._stated:g}"
        if self._named:
            return f"out of {self._named:g}, as the column's name says"
        if not any(self._numbers.values()):
            return None
        largest = max(self._largest[scale] for scale in SCALES if scale <= self.scale)
        above = sum(self._numbers[scale] for scale in SCALES if scale > self.scale)
        but = f" but for {above} of {sum(self._numbers.values())}" if above else ""
        return f"out of {self.scale:g}, since the largest is {largest:g}{but} (--rating-scale to change)"

    def read(self, value: object) -> float | None:
        """Stars out of five; None for what cannot be read without guessing."""
        return None if isinstance(value, str) and not _may_rate(value) else fields.out_of_five(value, self.scale)


def _may_rate(value: str) -> bool:
    """Whether a text is a rating and nothing else: "livré en 2 jours" holds a number, too."""
    text = value.strip()
    if len(text) > LONGEST or text.count("/") > 1 or re.search("[<>≤≥~]", text):
        return False
    return _WORDS.issuperset(_WORD.findall(fields.folded(text)))
