"""The most that a request can cost."""

from __future__ import annotations

from pipeline.analyse.analyser import Analyser
from pipeline.analyse.price import Price, Tokens


class WorstCase:
    """Prices the longest answer to each request; few sizes are priced, since they are rounded up."""

    def __init__(self, analyser: Analyser, price: Price) -> None:
        self._analyser = analyser
        self._price = price
        self._known: dict[Tokens, float] = {}

    def usd(self, text: str, room: int = 1) -> float:
        """The most that one try can cost. `room` multiplies `max_tokens`."""
        most = self._analyser.most_tokens(text, room)
        if most not in self._known:
            self._known[most] = self._price.usd(most)
        return self._known[most]
