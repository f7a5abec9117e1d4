"""Reads the ratings of one column of a file as stars out of five, on the scale that the column is on."""

from __future__ import annotations

import re

from pipeline.source import fields

SCALES = (5.0, 10.0, 20.0, 100.0)
"""The scales met in real files. A column without a stated one is on the smallest that holds its largest number."""

_IN_NAME = re.compile(r"(?:/|\b(?:sur|out of|von)\s)\s?(5|10|20|100)\b", re.I)


class RatingColumn:
    """How one column rates. Give every value to `look`, then call `read`.

    `scale` is the best rating as the user states it; without it the column's name (`Note /10`) or its values decide.
    """

    def __init__(self, name: str | None = None, scale: float | None = None) -> None:
        named = _IN_NAME.search(name or "")
        self._stated = scale
        self._named = float(named[1]) if named else None
        self._largest = -1.0

    def look(self, value: object) -> None:
        """Take a value as evidence for the scale. One with a scale of its own, such as `8/10`, is none."""
        number = fields.number(value)
        if number is not None and number <= fields.MAX_RATING:
            self._largest = max(self._largest, number)

    @property
    def scale(self) -> float:
        """The best rating of the column."""
        return self._stated or self._named or next(scale for scale in SCALES if self._largest <= scale)

    def decided(self) -> str | None:
        """What was decided, for the reader of a report; None if every value states its own scale."""
        if self._stated:
            return f"out of {self._stated:g}"
        if self._named:
            return f"out of {self._named:g}, as the column's name says"
        if self._largest < 0:
            return None
        return f"out of {self.scale:g}, since the largest is {self._largest:g} (--rating-scale to change)"

    def read(self, value: object) -> float | None:
        """Stars out of five; None for what cannot be read without guessing."""
        return fields.out_of_five(value, self.scale)
