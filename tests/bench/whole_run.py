"""A whole run, from a file to a warehouse: `python -m tests.bench.whole_run N` in an empty folder.

Prints one JSON object; `fifths` has for each stage the CPU of each fifth of its verbatims, in microseconds a verbatim.
The environment has the settings, and `ANTHROPIC_BASE_URL` of a stand-in.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

from pipeline import journey
from pipeline.progress import Advance
from pipeline.session import open_session
from pipeline.source.files.file import File, ReadOptions

from .measured import measured, text_of


class Timed:
    """A progress that notes the process's CPU time at each hundredth of a stage; at each step it would need memory."""

    def __init__(self, count: int) -> None:
        self._every = max(count // 100, 1)
        self._steps: dict[str, list[tuple[int, float]]] = {}

    def say(self, line: str) -> None:
        """Not shown."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Note steps of one stage."""
        steps = self._steps[name] = [(0, time.process_time())]
        done = 0

        def advance(more: int, _: float) -> None:
            nonlocal done
            done += more
            if done >= steps[-1][0] + self._every:
                steps.append((done, time.process_time()))

        yield advance
        steps.append((done, time.process_time()))

    def fifths(self) -> dict[str, list[float]]:
        """Microseconds a verbatim, by stage; one of a single step is left out."""
        return {name: _fifths(steps) for name, steps in self._steps.items() if len(steps) > 5}


def _fifths(steps: list[tuple[int, float]]) -> list[float]:
    total = steps[-1][0]
    ends = [next(step for step in steps if step[0] >= total * part / 5) for part in range(6)]
    pairs = pairwise(ends)
    return [round(1e6 * (end[1] - begin[1]) / max(end[0] - begin[0], 1), 1) for begin, end in pairs]


def main() -> None:
    """Run, check, print."""
    count, file = int(sys.argv[1]), Path("reviews.jsonl")
    progress = Timed(count)
    with file.open("w") as lines:
        for number in range(count):
            lines.write(json.dumps({"id": number, "text": text_of(number)}) + "\n")
    source = File(str(file), ReadOptions(source="shop"))
    with open_session(lambda _: progress, asks=True, file=source) as session:
        with measured() as found:
            journey.run(session, source)
        query = "SELECT count(*) FROM verbatims_analysed_v2 WHERE summary = 'no. ' || external_id"
        with closing(sqlite3.connect(session.settings.warehouse_url.removeprefix("sqlite:///"))) as warehouse:
            [right] = warehouse.execute(query).fetchone()
    print(json.dumps({**found, "right": right, "fifths": progress.fifths()}))


if __name__ == "__main__":
    main()
