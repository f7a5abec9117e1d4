"""How long the program takes to start: `python -m tests.bench.start` (half a minute).

`verbatims --help`, and a run of ten texts on a store that is there, beside a Python that only imports the two largest
libraries it needs, anthropic and SQLAlchemy. They take turns; medians of the processes' wall-clock time, in seconds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .turns import OURS, ROOT

TURNS = 5
PIPELINE = [sys.executable, "-m", "pipeline"]
BARE = [sys.executable, "-c", "import anthropic, sqlalchemy"]


def seconds(command: list[str], folder: Path) -> float:
    """The process's wall-clock time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment = kept | {"PYTHONPATH": str(ROOT), "SCRAPER_MODE": "sandbox"}
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, timeout=60)
    return time.perf_counter() - began


def run_of_ten(number: int, folder: Path) -> float:
    """A run of ten texts that the store has not seen."""
    lines = [json.dumps({"id": f"{number}-{one}", "text": f"Livraison {number}, colis {one}"}) for one in range(10)]
    (folder / "ten.jsonl").write_text("\n".join(lines))
    return seconds([*PIPELINE, "run", "--input", "ten.jsonl"], folder)


def main() -> None:
    """Measure and print."""
    found: dict[str, list[float]] = {"imports alone": [], "verbatims --help": [], "a run of ten": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_of_ten(0, folder)
        for turn in range(1, TURNS + 1):
            found["imports alone"].append(seconds(BARE, folder))
            found["verbatims --help"].append(seconds([*PIPELINE, "--help"], folder))
            found["a run of ten"].append(run_of_ten(turn, folder))
    medians = {what: statistics.median(times) for what, times in found.items()}
    print("| what | seconds | × imports alone |\n|---|---|---|")
    for what, median in medians.items():
        print(f"| {what} | {median:.2f} | {median / medians['imports alone']:.2f} |")


if __name__ == "__main__":
    main()
