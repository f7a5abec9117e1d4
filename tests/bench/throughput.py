"""The analyse stage beside the bare loop: `python -m tests.bench.throughput` (four minutes; `--help`).

The programs take turns, so that what else the machine does meets all of them; each turn is a process of its own, beside
one stand-in that answers after 50 ms. Of the turns of a program the median counts. Printed are a table, and as the last
line one JSON object with ratios to the bare loop with as many calls in flight:

throughput_64, throughput_256    verbatims a second; more is better
cpu_64, cpu_256                  CPU of the process a verbatim; less is better

raw       bytes over sockets: the ceiling of the stand-in
bare      AsyncAnthropic with its defaults, a semaphore and gather; the same requests, no store and no telemetry
product   pace, validation, spans, metrics, store; the telemetry is sent to the Collector
quiet     the same without an OTLP endpoint
down      the same with an OTLP endpoint where nobody listens
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from contextlib import ExitStack
from typing import NamedTuple

from .turns import StandIn, Turn, nobody, receiver, take_turn

MODULES = {
    "raw": "raw_requests",
    "bare": "bare_requests",
    "product": "analyse_stage",
    "quiet": "analyse_stage",
    "down": "analyse_stage",
}
Turns = dict[tuple[str, int], list[Turn]]


class Plan(NamedTuple):
    """What is measured."""

    programs: list[str]
    in_flight: list[int]
    rounds: int
    verbatims: int


def measure(plan: Plan) -> Turns:
    """Let the programs take turns. Raises RuntimeError where an answer does not belong to its verbatim."""
    turns: Turns = defaultdict(list)
    with ExitStack() as stack:
        (endpoint, what), stand_in = stack.enter_context(receiver()), StandIn()
        print(f"OTLP goes to {what}", file=sys.stderr)
        stack.callback(stand_in.stop)
        endpoints = {"product": endpoint, "down": nobody()}
        for number in range(plan.rounds):
            for in_flight in plan.in_flight:
                for program in plan.programs[:: 1 if number % 2 else -1]:
                    arguments = MODULES[program], [str(plan.verbatims)], in_flight, stand_in, endpoints.get(program)
                    turns[program, in_flight].append(_checked(program, take_turn(*arguments), plan.verbatims))
                    print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return turns


def _checked(program: str, turn: Turn, verbatims: int) -> Turn:
    if turn["right"] != verbatims:
        raise RuntimeError(f"{program}: {turn['right']} of {verbatims} answers belong to their verbatims")
    return turn


def ratios(turns: Turns, plan: Plan) -> dict[str, float]:
    """Of the product to the bare loop."""
    found: dict[str, float] = {}
    for in_flight in plan.in_flight:
        product, bare = (_medians(turns[program, in_flight], plan.verbatims) for program in ("product", "bare"))
        found[f"throughput_{in_flight}"] = round(product[0] / bare[0], 3)
        found[f"cpu_{in_flight}"] = round(product[1] / bare[1], 3)
    return found


def table(turns: Turns, plan: Plan) -> str:
    """All programs, for a page of Markdown."""
    lines = ["| in flight | program | verbatims/s | × bare | CPU ms a verbatim | × bare | peak MB | spans lost |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for in_flight in plan.in_flight:
        bare_rate, bare_cpu, *_ = _medians(turns["bare", in_flight], plan.verbatims)
        for program in plan.programs:
            rate, cpu, peak, lost = _medians(turns[program, in_flight], plan.verbatims)
            cells = f"{rate:.0f} | {rate / bare_rate:.2f} | {cpu:.2f} | {cpu / bare_cpu:.2f} | {peak:.0f} | {lost:.0f}"
            lines.append(f"| {in_flight} | {program} | {cells} |")
    return "\n".join(lines)


def _medians(of_program: list[Turn], verbatims: int) -> tuple[float, float, float, float]:
    """Verbatims a second, CPU milliseconds a verbatim, peak memory in MB, spans that did not arrive."""
    return (
        statistics.median(verbatims / one["seconds"] for one in of_program),
        statistics.median(1000 * one["cpu_seconds"] / verbatims for one in of_program),
        statistics.median(one["peak_mb"] for one in of_program),
        statistics.median(one["lost_spans"] for one in of_program),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", nargs="+", choices=MODULES, default=["raw", "bare", "product", "quiet"])
    parser.add_argument("--in-flight", nargs="+", type=int, default=[64, 256])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--verbatims", type=int, default=4000)
    plan = Plan(**vars(parser.parse_args()))
    turns = measure(plan)
    print(table(turns, plan))
    print(json.dumps(ratios(turns, plan)))


if __name__ == "__main__":
    main()
