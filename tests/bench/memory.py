"""What a run needs the more memory the more verbatims it has: `python -m tests.bench.memory` (two minutes).

Whole runs, store and warehouse in SQLite, beside a stand-in that answers at once; sizes as arguments, 20,000 and
60,000 unless given, which suit `make bench`; the peak grows less in larger runs. Printed is the peak of the process for
each size, and as the last line one JSON object:

memory_mb_per_100k    MB that 100,000 verbatims more take; less is better
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .turns import StandIn, take_turn

IN_FLIGHT = 64
SIZES = [20_000, 60_000]


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """One that answers at once."""
    process = StandIn(0.0)
    try:
        yield process
    finally:
        process.stop()


def peak_mb(verbatims: int, beside: StandIn) -> float:
    """Of one run. Raises RuntimeError where a row is missing or wrong."""
    turn = take_turn("whole_run", [str(verbatims)], IN_FLIGHT, beside, None)
    if turn["right"] != verbatims:
        raise RuntimeError(f"{turn['right']} of {verbatims} rows are right")
    return turn["peak_mb"]


def per_100k(peaks: dict[int, float]) -> float:
    """MB that 100,000 verbatims more take, between the smallest and the largest run."""
    least, most = min(peaks), max(peaks)
    return round(100_000 * (peaks[most] - peaks[least]) / (most - least), 1)


def measure(sizes: list[int]) -> dict[int, float]:
    """The peak of a run of each size, in MB."""
    with stand_in() as beside:
        return {size: peak_mb(size, beside) for size in sizes}


def main() -> None:
    """Measure and print."""
    peaks = measure([int(size) for size in sys.argv[1:]] or SIZES)
    print("| verbatims | peak MB | MB above the smallest |\n|---|---|---|")
    for size, peak in peaks.items():
        print(f"| {size:,} | {peak:.0f} | {peak - peaks[min(peaks)]:.0f} |")
    print(json.dumps({"memory_mb_per_100k": per_100k(peaks)}))


if __name__ == "__main__":
    main()
