"""What becomes of ten times the rate limit: `python -m tests.bench.rate_limit` (three minutes).

Three programs ask about the same texts, one after another, each a new sandbox that enforces the same limits:

pipeline    one process of `verbatims run`
pipeline_4  four processes of `verbatims analyse`, which share one run in one store
bare        the loop that people write around the SDK (`bare_loop.py`)

Each has as many calls in flight as would be ten times the limit if all of them were answered. The four processes
divide these calls among them.

The sandbox enforces a limit on requests. Its limits on tokens are too high to matter: what a request takes of them
depends on its text and its answer, so the share of a limit that was used would depend on the texts too. Its bucket
holds one second's worth, since Claude's documentation says that 60 requests per minute may be enforced as one per
second: a client that sends more than the limit within one second is refused.

The sandbox counts, and these are the shares:

answered    texts with a good answer ÷ texts, as the program's store or the loop says
used        requests answered ÷ what the limit allowed: the limit per second × the time from the first answer to the
            last, and the worth of the bucket, which is full at the start. The pauses at the start and the end count
refused     requests refused with 429 ÷ requests, those that are sent again included

A pipeline that sends 98 % of the limit cannot use more than 0.98 × T ÷ (T + bucket + latency) of it in T seconds: 0.96
here, with T about 56 s. A longer bucket would need a longer run: with five seconds' worth, 0.95 takes three minutes.
The last line is one JSON object with these shares. The exit code is 0 even where a program misses a goal.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from pipeline.sandbox import Sandbox

from .bare_loop import IN_FLIGHT

ROOT = Path(__file__).parents[2]

TEXTS = 1200
PER_MINUTE = 1200
BURST_S = 1.0
"""What the bucket holds, in seconds' worth of the limit."""

TIMES = 10
"""How many times the limit is offered."""

LATENCY_S = IN_FLIGHT * 60 / (TIMES * PER_MINUTE)
PROCESSES = 4

LONGEST_S = 150.0
"""A program that takes longer is stopped, and what it has answered counts."""

OURS = ("VERBATIMS_", "OTEL_", "ANTHROPIC_", "SCRAPER_MODE", "STORE", "WAREHOUSE")
"""Beginnings of variables that a measurement does not take from its environment."""

MEANINGS = {
    "answered": "texts with a good answer",
    "used": "of the limit was used",
    "refused": "of the requests met a 429",
}

Shares = dict[str, float]


class CountingSandbox(Sandbox):
    """A sandbox that enforces the limit, and notes when each request for a message ended and how."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            latency_s=LATENCY_S,
            limits={"requests": PER_MINUTE, "burst": BURST_S},
            tables=folder / "bigquery.db",
            batches=folder / "batches.db",
        )
        self.ended: list[tuple[float, int]] = []

    def _application(self, *given: object) -> web.Application:
        app = super()._application(*given)  # type: ignore[arg-type]
        app.middlewares.append(self._note)
        return app

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.path == "/v1/messages":
            self.ended.append((time.monotonic(), response.status))
        return response

    def shares(self, answered: int) -> Shares:
        """The shares of the docstring above; `answered` is the number of texts with a good answer."""
        good = [at for at, status in self.ended if status == 200]
        lasted_s = good[-1] - good[0] if good else 0.0
        refused = sum(status == 429 for _, status in self.ended)
        found = {
            "answered": answered / TEXTS,
            "used": len(good) / (PER_MINUTE / 60 * (lasted_s + BURST_S)),
            "refused": refused / max(len(self.ended), 1),
        }
        _say(f"  {len(good)} answered and {refused} refused requests, {lasted_s:.1f} s from first to last answer")
        return {name: round(share, 4) for name, share in found.items()}


class Place:
    """The folder and the environment of one program."""

    def __init__(self, folder: Path, reviews: Path, url: str) -> None:
        self.folder, self.reviews = folder, reviews
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self._environment = kept | {
            "PYTHONPATH": str(ROOT),
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "sandbox",
            "STORE": f"sqlite:///{folder}/store.db",
            "WAREHOUSE": f"sqlite:///{folder}/rows.db",
        }

    def run(self, *arguments: str, processes: int = 1) -> str:
        """Run a module in so many processes at once, and return what the first one prints."""
        self._environment["VERBATIMS_CONCURRENCY"] = str(IN_FLIGHT // processes)
        until = time.monotonic() + LONGEST_S
        outputs = [self.folder / f"out{number}.txt" for number in range(processes)]
        started = [self._start(arguments, output) for output in outputs]
        for process in started:
            _end(process, until)
        if any(process.returncode for process in started):
            _say(f"  exit codes {[process.returncode for process in started]}: {self._last_error(outputs)}")
        return outputs[0].read_text()

    def stored(self) -> int:
        """How many texts have a good answer in the store."""
        with closing(sqlite3.connect(self.folder / "store.db")) as store:
            found = store.execute("SELECT count(*) FROM analyses WHERE outcome = 'analysed'").fetchone()
        return int(found[0])

    def _start(self, arguments: tuple[str, ...], output: Path) -> subprocess.Popen[bytes]:
        with output.open("wb") as out, output.with_suffix(".err").open("wb") as err:
            return subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=self.folder, env=self._environment, stdout=out, stderr=err
            )

    def _last_error(self, outputs: list[Path]) -> str:
        said = [output.with_suffix(".err").read_text().strip() for output in outputs]
        return next((one.splitlines()[-1] for one in said if one), "nothing was said")


def main() -> None:
    """Measure the three programs, and print a table and the JSON object."""
    programs: dict[str, Callable[[Place], int]] = {"pipeline": _pipeline, "pipeline_4": _pipeline_4, "bare": _bare}
    with tempfile.TemporaryDirectory() as folder:
        reviews = _reviews(Path(folder) / "reviews.jsonl")
        found = {name: _measure(Path(folder) / name, reviews, name, program) for name, program in programs.items()}
    print(f"{TIMES} times the limit of {PER_MINUTE} requests per minute was offered, {TEXTS} texts each:")
    for name, shares in found.items():
        print(f"  {name:<11}", "   ".join(f"{shares[what]:7.2%} {meaning}" for what, meaning in MEANINGS.items()))
    print(json.dumps(found))


def _measure(folder: Path, reviews: Path, name: str, program: Callable[[Place], int]) -> Shares:
    folder.mkdir()
    _say(f"{name}: begins")
    sandbox = CountingSandbox(folder)
    with sandbox:
        answered = program(Place(folder, reviews, sandbox.url))
        return sandbox.shares(answered)


def _pipeline(place: Place) -> int:
    place.run("pipeline.cli", "run", "--input", str(place.reviews))
    return place.stored()


def _pipeline_4(place: Place) -> int:
    run_id = place.run("pipeline.cli", "scrape", "--input", str(place.reviews)).strip()
    place.run("pipeline.cli", "clean", "--run", run_id)
    place.run("pipeline.cli", "analyse", "--run", run_id, processes=PROCESSES)
    return place.stored()


def _bare(place: Place) -> int:
    return int(place.run("tests.bench.bare_loop", str(place.reviews)) or 0)


def _reviews(file: Path) -> Path:
    lines = (json.dumps({"id": n, "text": f"Avis numéro {n} : la livraison est rapide."}) for n in range(TEXTS))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _end(process: subprocess.Popen[bytes], until: float) -> None:
    """Wait for a process; stop it where it takes too long."""
    try:
        process.wait(max(until - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
