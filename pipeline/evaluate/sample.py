"""Which texts a person labels: how many of each stratum, and how many texts each label stands for."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import TypeVar

from pipeline.records import Sentiment

Stratum = tuple[str, Sentiment]
"""Source and predicted sentiment."""

Key = TypeVar("Key")


def allocate(populations: Mapping[Stratum, int], size: int) -> dict[Stratum, int]:
    """How many texts to draw of each stratum: `size` in total, or all there are.

    Each predicted sentiment gets an equal part, so that rare ones reach the labels that a score needs; what one cannot
    fill goes to the others. Within a sentiment, each source gets one, then a part in proportion to its texts. The
    order of `populations` does not matter.
    """
    totals = {one: sum(count for (_, other), count in populations.items() if other is one) for one in Sentiment}
    parts = _divide(dict.fromkeys(totals, 1), totals, size)
    found: dict[Stratum, int] = {}
    for one, part in parts.items():
        texts = {stratum: populations[stratum] for stratum in sorted(populations) if stratum[1] is one}
        found |= _divide(texts, texts, part)
    return found


def weights(populations: Mapping[Stratum, int], sampled: Mapping[Stratum, int]) -> dict[Stratum, float]:
    """How many texts of the population each drawn one stands for. Strata of which none is drawn are left out."""
    return {stratum: populations[stratum] / count for stratum, count in sampled.items() if count}


def _divide(shares: Mapping[Key, int], room: Mapping[Key, int], size: int) -> dict[Key, int]:
    """`size` units one by one, never more than there is room for, each to whoever lacks it most.

    First one unit each, then by the method of Webster and Sainte-Laguë: share ÷ (2 × units so far + 1). No rounding,
    hence the total is exact. What comes first in `shares` gets the unit where two lack it as much.
    """
    given = dict.fromkeys(room, 0)
    keys = [key for key in shares if room[key] > 0]
    waiting = [(False, -float(shares[key]), at) for at, key in enumerate(keys)]
    heapify(waiting)
    for _ in range(size):
        if not waiting:
            break
        *_, at = heappop(waiting)
        key = keys[at]
        given[key] += 1
        if given[key] < room[key]:
            heappush(waiting, (True, -shares[key] / (2 * given[key] + 1), at))
    return given
