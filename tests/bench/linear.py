"""Whether the last verbatim of a run costs what the first one did: `python -m tests.bench.linear` (eight minutes).

One whole run of 200,000 verbatims, or as many as the argument says, store and warehouse in SQLite, beside a stand-in
that answers at once. Printed is the CPU of each stage by fifths of its verbatims, and the peak of the process.
"""

from __future__ import annotations

import sys

from .memory import stand_in
from .turns import take_turn

IN_FLIGHT = 64


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with stand_in() as beside:
        turn = take_turn("whole_run", [str(count)], IN_FLIGHT, beside, None)
    if turn["right"] != count:
        raise RuntimeError(f"{turn['right']} of {count} rows are right")
    print(f"{count:,} verbatims in one run, {turn['peak_mb']:.0f} MB at the peak; µs of CPU a verbatim\n")
    print("| stage | 1st fifth | 2nd | 3rd | 4th | last |\n|---|---|---|---|---|---|")
    for stage, fifths in turn["fifths"].items():
        print(f"| {stage} | {' | '.join(f'{one:.0f}' for one in fifths)} |")


if __name__ == "__main__":
    main()
