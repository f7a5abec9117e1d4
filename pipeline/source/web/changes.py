"""Compares a crawl with earlier ones and reports what has changed. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from pipeline.records import FinishedCrawl


def dropped_by_half(crawl: FinishedCrawl, earlier: Sequence[FinishedCrawl]) -> bool:
    """Whether a crawl found less than half of the median of the earlier ones."""
    # the median, since one earlier crawl of a broken layout must not lower what is usual
    return bool(earlier) and crawl.found < median(one.found for one in earlier) / 2


def changes(crawl: FinishedCrawl, earlier: Sequence[FinishedCrawl]) -> list[str]:
    """A warning for each change; `earlier` crawls come latest first."""
    if not earlier:
        return []
    warnings = []
    if dropped_by_half(crawl, earlier):
        usual = median(one.found for one in earlier)
        warnings.append(f"{crawl.found} reviews, where it usually holds {usual:g}: are pages missing?")
    # the layout is compared with the latest crawl alone, so that each change is reported once
    for name in sorted(set(crawl.missing) - set(earlier[0].missing)):
        warnings.append(f"no review has the field {name} any more; has the layout changed?")
    if new := sorted(set(crawl.left_over) - set(earlier[0].left_over)):
        warnings.append(f"its pages have new fields, which are not read: {', '.join(new)}")
    return warnings
