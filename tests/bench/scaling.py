#!/usr/bin/env python3
"""The speed-up of 2 and 4 workers over one: `python tests/bench/scaling.py` (four minutes, needs Postgres).

Each worker is a process that claims from the same run, on one real Postgres, with 32 calls in flight that the sandbox
answers in 300 ms. Measured is the time from the first request to the last answer, from the store, so the start of
Python is excluded. Each number of workers is measured in ascending and descending order; only ratios are printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from postgres import serving  # noqa: E402 - the path above leads to it

WORKERS = (1, 2, 4)
VERBATIMS = 4000
LATENCY_S = 0.3
IN_FLIGHT = 32


def main() -> None:
    """Measure, and print the table of docs/en/scaling.md."""
    seconds: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    with tempfile.TemporaryDirectory() as folder, serving() as server:
        reviews = _reviews(Path(folder) / "reviews.jsonl")
        for number, workers in enumerate((*WORKERS, *reversed(WORKERS))):
            seconds[workers].append(_measure(Path(folder), f"{server}/bench{number}", reviews, workers))
            print(f"{workers} workers: {seconds[workers][-1]:.1f} s", file=sys.stderr)
    one = statistics.mean(seconds[1])
    best = VERBATIMS * LATENCY_S / IN_FLIGHT
    print("| workers | speed relative to one worker | share of the maximum at 300 ms and 32 in flight |\n|---|---|---|")
    for workers in WORKERS:
        took = statistics.mean(seconds[workers])
        print(f"| {workers} | {one / took:.1f} | {best / workers / took:.0%} |")


def _reviews(file: Path) -> Path:
    lines = (json.dumps({"id": n, "text": f"Avis numéro {n} : la livraison est rapide."}) for n in range(VERBATIMS))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _measure(folder: Path, store: str, reviews: Path, workers: int) -> float:
    """Seconds from the first call to the last answer."""
    server, _, name = store.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type, unused-ignore]
    settings = {"STORE": store, "WAREHOUSE": f"sqlite:///{folder}/{name}.db", "VERBATIMS_CONCURRENCY": str(IN_FLIGHT)}
    sandbox = _start(folder, settings, "sandbox", "--port", "0", "--latency", str(LATENCY_S), stderr=subprocess.PIPE)
    try:
        assert sandbox.stderr is not None
        settings |= {"ANTHROPIC_BASE_URL": sandbox.stderr.readline().split()[2].rstrip(":")}
        for stage in (["scrape", "--input", str(reviews)], ["clean"]):
            assert _start(folder, settings, *stage, stdout=subprocess.DEVNULL).wait() == 0
        started = [_start(folder, settings, "analyse") for _ in range(workers)]
        assert [process.wait() for process in started] == [0] * workers
    finally:
        sandbox.terminate()
        sandbox.wait()
    return _span(store)


def _start(folder: Path, settings: dict[str, str], *arguments: str, **more: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
        text=True,
        **{"stderr": subprocess.DEVNULL, **more},
    )


def _span(store: str) -> float:
    query = (
        "SELECT count(*), extract(epoch FROM max(sent_at::timestamptz + duration_s * interval '1 s')"
        " - min(sent_at::timestamptz)) FROM attempts"
    )
    with psycopg.connect(store) as connection:
        found = connection.execute(query).fetchone()
    assert found is not None and found[0] == VERBATIMS, found
    return float(found[1])


if __name__ == "__main__":
    main()
