"""The analyse stage beside the bare loop: `python -m tests.bench.throughput` (three minutes).

The programs take turns, so that what else the machine does meets all of them; each turn is a process of its own, beside
one stand-in that answers after 50 ms. Of the turns of a program the median counts. Printed are a table, and as the last
line one JSON object with ratios to the bare loop with as many calls in flight:

throughput_64, throughput_256    verbatims a second; more is better
cpu_64, cpu_256                  CPU of the process a verbatim; less is better

bare      AsyncAnthropic with its defaults, a semaphore and gather; the same requests, no store and no telemetry
product   pace, validation, spans, metrics, store; the telemetry is sent to an OTLP receiver
quiet     the same without an OTLP endpoint
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
IN_FLIGHT = (64, 256)
ROUNDS = 3
VERBATIMS = 4000
PROGRAMS = {"bare": "bare_requests", "product": "analyse_stage", "quiet": "analyse_stage"}

OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE")
"""Beginnings of variables that a measurement does not take from its environment."""

Turn = dict[str, float]


class StandIn:
    """A process of `stand_in.py`."""

    def __init__(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([sys.executable, "-m", "tests.bench.stand_in"], cwd=ROOT, **pipes)  # type: ignore[call-overload]
        self.url = f"http://127.0.0.1:{self._read()}"

    def counts(self) -> dict[str, float]:
        """What was answered since the last call."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, float] = json.loads(self._read())
        return found

    def stop(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait(10)

    def _read(self) -> str:
        return str(self._process.stdout.readline()).strip()


@contextmanager
def receiver() -> Iterator[str]:
    """Something that takes OTLP and throws it away, in a process of its own: its endpoint."""
    code = "from tests.bench.otlp_sink import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)


def take_turn(program: str, in_flight: int, stand_in: StandIn, endpoint: str, count: int) -> Turn:
    """Run one program once. Raises RuntimeError where an answer does not belong to its verbatim, or is missing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with tempfile.TemporaryDirectory() as folder:
        environment = kept | {
            "PYTHONPATH": str(ROOT),
            "SCRAPER_MODE": "prod",
            "ANTHROPIC_BASE_URL": stand_in.url,
            "ANTHROPIC_API_KEY": "none",
            "VERBATIMS_MODEL": "claude-haiku-4-5",
            "VERBATIMS_CONCURRENCY": str(in_flight),
            **({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if program == "product" else {}),
        }
        command = [sys.executable, "-m", f"tests.bench.{PROGRAMS[program]}", str(count)]
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=170)
    if ended.returncode:
        raise RuntimeError(f"{program}: {ended.stderr[-2000:]}")
    found: Turn = json.loads(ended.stdout.splitlines()[-1]) | {"most": stand_in.counts()["most_in_flight"]}
    if found["right"] != count:
        raise RuntimeError(f"{program}: {found['right']} of {count} answers belong to their verbatims")
    return found


def main() -> None:
    """Measure and print."""
    turns: dict[tuple[str, int], list[Turn]] = defaultdict(list)
    with ExitStack() as stack:
        endpoint, stand_in = stack.enter_context(receiver()), StandIn()
        stack.callback(stand_in.stop)
        for number in range(ROUNDS):
            for in_flight in IN_FLIGHT:
                for program in list(PROGRAMS)[:: 1 if number % 2 else -1]:
                    turns[program, in_flight].append(take_turn(program, in_flight, stand_in, endpoint, VERBATIMS))
                    print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    _print(turns)


def _print(turns: dict[tuple[str, int], list[Turn]]) -> None:
    ratios: dict[str, float] = {}
    print("| in flight | program | verbatims/s | × bare | CPU ms a verbatim | × bare | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for in_flight in IN_FLIGHT:
        bare_rate, bare_cpu, _ = _medians(turns["bare", in_flight])
        for program in PROGRAMS:
            rate, cpu, peak = _medians(turns[program, in_flight])
            faster, cheaper = rate / bare_rate, cpu / bare_cpu
            print(f"| {in_flight} | {program} | {rate:.0f} | {faster:.2f} | {cpu:.2f} | {cheaper:.2f} | {peak:.0f} |")
            if program == "product":
                ratios |= {f"throughput_{in_flight}": round(faster, 3), f"cpu_{in_flight}": round(cheaper, 3)}
    print(json.dumps(ratios))


def _medians(of_program: list[Turn]) -> tuple[float, float, float]:
    """Verbatims a second, CPU milliseconds a verbatim, peak memory in MB."""
    return (
        statistics.median(VERBATIMS / one["seconds"] for one in of_program),
        statistics.median(1000 * one["cpu_seconds"] / VERBATIMS for one in of_program),
        statistics.median(one["peak_mb"] for one in of_program),
    )


if __name__ == "__main__":
    main()
