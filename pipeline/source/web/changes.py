"""What is strange about a visit to a source, held against those before it. Rules alone: no source is read here."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from pipeline.records import Visit


def dropped_by_half(visit: Visit, before: Sequence[Visit]) -> bool:
    """Whether a visit found less than half of what those before it did: many are missing."""
    return bool(before) and visit.found < median(one.found for one in before) / 2


def changes(visit: Visit, before: Sequence[Visit]) -> list[str]:
    """A sentence for each thing that is not as it was; `before` are earlier visits, the latest first."""
    if not before:
        return []
    said = []
    if dropped_by_half(visit, before):
        usual = median(one.found for one in before)
        said.append(f"{visit.found} reviews, where it usually holds {usual:g}: what became of the others?")
    for name in sorted(set(visit.missing) - set(before[0].missing)):
        said.append(f"no review has its {name.replace('_', ' ')} any more; has the layout changed?")
    if new := sorted(set(visit.left_over) - set(before[0].left_over)):
        said.append(f"its pages give what nobody reads yet: {', '.join(new)}")
    return said
