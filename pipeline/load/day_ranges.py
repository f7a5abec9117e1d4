"""Which partitions one statement covers: a statement over all would read, and bill, years for one old day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

NEIGHBOURS = timedelta(days=7)
"""Days no further apart share a statement, which takes a second or two whatever it reads."""

MOST = 20
"""Statements of one load; with more, the ranges that are nearest to each other share one."""

Range = tuple[date, date]
"""First and last day."""


def day_ranges(spans: Iterable[Range]) -> list[Range]:
    """Ranges that together cover all spans, none of which is cut."""
    joined: list[Range] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    gaps = {number: later[0] - joined[number - 1][1] for number, later in enumerate(joined) if number}
    wide = sorted((number for number, gap in gaps.items() if gap > NEIGHBOURS), key=gaps.__getitem__)
    cuts = [0, *sorted(wide[1 - MOST :]), len(joined)]
    return [(joined[start][0], joined[end - 1][1]) for start, end in pairwise(cuts) if start < end]
