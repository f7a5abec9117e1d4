"""Libraries that people use for this job beside the bare loop: `python -m tests.bench.peers` (five minutes).

Each library lives in an environment of its own in .cache/peers, or in peers/ of the folder that TESTS_CACHE names;
`python -m tests.bench.peers --install` makes what is missing (1 GB). All send the same verbatims to one stand-in, in
turns with the bare loop of `throughput`, which has one before each of theirs; of the turns of a program the median
counts. Printed are a table, and as the last line one JSON object with the ratios to the bare loop: throughput (more is
better) and CPU a verbatim (less is better).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.topics import load_topics

from .measured import text_of
from .turns import OURS, ROOT, StandIn, Turn

REQUIREMENTS = Path(__file__).parent / "peer_programs" / "requirements.txt"
CACHE = Path(os.environ.get("TESTS_CACHE") or ROOT / ".cache").expanduser() / "peers"
IN_FLIGHT = 64
ROUNDS = 2
VERBATIMS = 1500

QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "TELEMETRY_ENABLED": "false",
}
"""No library fetches a price list or reports to its maker meanwhile: litellm's two, curator's one."""


class Peer:
    """A library, by its line `name: distribution==version …` in the requirements."""

    def __init__(self, line: str) -> None:
        self.name, packages = (part.strip() for part in line.split(":", 1))
        self.packages = packages.split()
        self._python = str(CACHE / self.name / "bin" / "python")

    def command(self, requests: Path) -> list[str]:
        """What runs its program on a file of requests."""
        module = f"tests.bench.peer_programs.{self.name.replace('-', '_')}_program"
        return [self._python, "-m", module, str(requests)]

    def missing(self) -> str:
        """The pinned packages that its environment does not have."""
        return " ".join(one for one in self.packages if self._version(_distribution(one)) != one.split("==")[1])

    def install(self) -> None:
        """Make its environment anew. Raises CalledProcessError where pip cannot."""
        venv.create(CACHE / self.name, clear=True, with_pip=True)
        pip = [self._python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *self.packages], check=True)

    def versions(self) -> str:
        """Its own version, and that of the SDK that it brings."""
        own = _distribution(self.packages[0])
        sdk = self._version("anthropic")
        return f"{own} {self._version(own)}, " + (f"SDK {sdk}" if sdk else "no SDK")

    def _version(self, distribution: str) -> str:
        places = [str(place) for place in (CACHE / self.name).glob("lib/python*/site-packages")]
        found = importlib.metadata.distributions(name=distribution, path=places)
        return next((one.version for one in found), "")


def load_peers() -> list[Peer]:
    """The libraries, in the order of the requirements."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [Peer(line) for line in lines if line and not line.startswith("#")]


def write_requests(path: Path, count: int) -> None:
    """The bodies that the pipeline would send, in the order of their numbers, for programs that do not know it."""
    analyser = Analyser(define("claude-haiku-4-5", load_topics(None)), 1024)
    bodies = [analyser.request(text_of(number)) for number in range(count)]
    path.write_text(json.dumps(bodies, ensure_ascii=False), encoding="utf-8")


def take_turn(command: list[str], stand_in: StandIn, count: int) -> Turn:
    """Run one program once. Raises RuntimeError where an answer does not belong to its verbatim, or is missing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **kept,
            **QUIET,
            "PYTHONPATH": str(ROOT),
            "HOME": folder,  # some keep files there
            "ANTHROPIC_BASE_URL": stand_in.url,
            "ANTHROPIC_API_KEY": "none",
            "VERBATIMS_CONCURRENCY": str(IN_FLIGHT),
        }
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=170)
    if ended.returncode:
        raise RuntimeError(f"{command[2]}: {ended.stderr[-2000:]}")
    found: Turn = json.loads(ended.stdout.splitlines()[-1]) | {"most": stand_in.counts()["most_in_flight"]}
    if found["right"] != count:
        raise RuntimeError(f"{command[2]}: {found['right']} of {count} answers belong to their verbatims")
    return found


def measure(peers: list[Peer], count: int, rounds: int) -> dict[str, list[Turn]]:
    """The turns of each program; `bare` is the loop."""
    turns: dict[str, list[Turn]] = defaultdict(list)
    with ExitStack() as stack:
        requests = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "requests.json"
        write_requests(requests, count)
        bare = [sys.executable, "-m", "tests.bench.bare_requests", str(count)]
        stand_in = StandIn()
        stack.callback(stand_in.stop)
        for number in range(rounds):
            for peer in peers[:: -1 if number % 2 else 1]:
                # the loop before each: its turns are short, and what else the machine does would weigh on a single one
                turns["bare"].append(take_turn(bare, stand_in, count))
                turns[peer.name].append(take_turn(peer.command(requests), stand_in, count))
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return turns


def main() -> None:
    """Install, or measure what is installed and print."""
    parser = argparse.ArgumentParser(description="Libraries beside the bare loop.")
    parser.add_argument("--install", action="store_true", help="make the environments that are missing, and end")
    parser.add_argument("--count", type=int, default=VERBATIMS, help="verbatims a turn (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each program (default: %(default)s)")
    options = parser.parse_args()
    peers = load_peers()
    if options.install:
        for peer in peers:
            if peer.missing():
                _install(peer)
        return
    for peer in peers:
        if missing := peer.missing():
            print(f"{peer.name}: {missing} is missing; run python -m tests.bench.peers --install", file=sys.stderr)
    if there := [peer for peer in peers if not peer.missing()]:
        _print(there, measure(there, options.count, options.rounds), options.count)


def _install(peer: Peer) -> None:
    print(f"{peer.name}: installing {peer.missing()}", file=sys.stderr)
    try:
        peer.install()
    except subprocess.CalledProcessError:
        print(f"{peer.name}: pip could not install it, as it says above", file=sys.stderr)


def _print(peers: list[Peer], turns: dict[str, list[Turn]], count: int) -> None:
    ratios: dict[str, dict[str, float]] = {}
    versions = {"bare": f"SDK {importlib.metadata.version('anthropic')}"} | {one.name: one.versions() for one in peers}
    bare_rate, bare_cpu = _medians(turns["bare"], count)
    print("| program | version | verbatims/s | × bare | CPU ms a verbatim | × bare |\n|---|---|---|---|---|---|")
    for name, version in versions.items():
        rate, cpu = _medians(turns[name], count)
        faster, dearer = rate / bare_rate, cpu / bare_cpu
        print(f"| {name} | {version} | {rate:.0f} | {faster:.2f} | {cpu:.2f} | {dearer:.2f} |")
        ratios[name] = {"throughput": round(faster, 3), "cpu": round(dearer, 3)}
    print(json.dumps(ratios))


def _medians(of_program: list[Turn], count: int) -> tuple[float, float]:
    """Verbatims a second, CPU milliseconds a verbatim."""
    return (
        statistics.median(count / one["seconds"] for one in of_program),
        statistics.median(1000 * one["cpu_seconds"] / count for one in of_program),
    )


def _distribution(pinned: str) -> str:
    """`instructor` of `instructor[anthropic]==1.17.0`."""
    return pinned.split("==")[0].split("[")[0]


if __name__ == "__main__":
    main()
