"""`make bench`: the figures that count, in under five minutes, and what got worse than the committed ones.

Prints the table, a line for each figure that is worse than `baseline.json` by more than a fifth (runs of one commit
differ by 17 %), and as the last line one JSON object. Machines differ, so nothing fails; `--write` replaces the
baseline.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import memory, throughput

BASELINE = Path(__file__).with_name("baseline.json")
PLAN = throughput.Plan(["bare", "product"], [64, 256], 3, 3000)
TOLERATED = 0.2
MORE_IS_BETTER = ("throughput_64", "throughput_256")


def worse(found: dict[str, float], before: dict[str, float]) -> list[str]:
    """What is worse by more than TOLERATED, in words."""
    said = []
    for name, value in found.items():
        ratio = value / before[name]
        loss = 1 - ratio if name in MORE_IS_BETTER else ratio - 1
        if loss > TOLERATED:
            said.append(f"worse: {name} is {value}, and the baseline {before[name]} ({loss:.0%})")
    return said


def main() -> None:
    """Measure and print."""
    turns = throughput.measure(PLAN)
    peaks = memory.measure(memory.SIZES)
    found = throughput.ratios(turns, PLAN) | {"memory_mb_per_100k": memory.per_100k(peaks)}
    print(throughput.table(turns, PLAN))
    if "--write" in sys.argv:
        BASELINE.write_text(json.dumps(found) + "\n")
    for line in worse(found, json.loads(BASELINE.read_text())):
        print(line)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
