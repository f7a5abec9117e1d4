"""What strikes while the workers work, and how many answers may be lost by it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from postgres import Server

from .bills import Bills, most_questions
from .place import Place
from .plan import (
    CLOCK,
    EXPIRE,
    FORGET,
    FREEZE,
    FULL_DISK,
    KILL,
    KILLED_EXPIRE,
    KILLED_LOAD,
    LOAD,
    LONG_FREEZE,
    OUTAGE,
    REPORT,
    Plan,
    Strike,
)
from .process import Process, Shell
from .reviews import SOURCE

LOSING = (KILL, LONG_FREEZE, FULL_DISK)
"""What may cost the answers that one worker has in flight. A short freeze, an outage and a clock cost none."""

STEPS = ("+2h", "-2h", "-3d", "+1h")
"""How far a clock is put, in the words of libfaketime."""


@dataclass
class Striking:
    """The faults of one round."""

    plan: Plan
    shell: Shell
    store: Place
    server: Server | None
    billed: Path
    workers: Sequence[Process]
    struck: list[Strike] = field(default_factory=list)

    def run(self) -> None:
        """All of them, each at its moment; returns when they and all workers are over."""
        with ThreadPoolExecutor(max(1, len(self.plan.strikes))) as pool:
            for ended in [pool.submit(self._strike, strike) for strike in self.plan.strikes]:
                ended.result()

    @property
    def may_be_lost(self) -> int:
        """Answers that were in flight, or on their way into the store, where a worker was hit."""
        return self.plan.concurrency * 3 // 2 * sum(strike.kind in LOSING for strike in self.struck)

    def _strike(self, strike: Strike) -> None:
        self._wait_for(strike)
        strikes: dict[str, Callable[[Strike], bool]] = {
            KILL: lambda one: self._hit(one, lambda victim: victim.kill()),
            FREEZE: lambda one: self._hit(one, lambda victim: victim.freeze(one.lasts_s)),
            LONG_FREEZE: lambda one: self._hit(one, lambda victim: victim.freeze(one.lasts_s)),
            FULL_DISK: lambda one: self._hit(one, lambda victim: victim.fill_disk(one.lasts_s)),
            CLOCK: self._step_clock,
            OUTAGE: self._take_store_away,
            LOAD: lambda _: self._command("load"),
            KILLED_LOAD: lambda one: self._killed(one, "load"),
            EXPIRE: lambda _: self._command("expire"),
            KILLED_EXPIRE: lambda one: self._killed(one, "expire"),
            REPORT: lambda _: self._command("report"),
            FORGET: lambda _: all([self._command("forget", SOURCE, one.id) for one in self.plan.forgotten]),
        }
        if strikes[strike.kind](strike):
            self.struck.append(strike)

    def _wait_for(self, strike: Strike) -> None:
        share = strike.share * most_questions(self.plan)
        while len(Bills.read(self.billed).lines) < share and any(worker.code is None for worker in self.workers):
            time.sleep(0.05)
        time.sleep(strike.pause_s)

    def _hit(self, strike: Strike, how: Callable[[Process], None]) -> bool:
        """The victim, or another that is alive; False where nobody is."""
        order = [*self.workers[strike.victim :], *self.workers[: strike.victim]]
        alive = [worker for worker in order if worker.code is None]
        if alive:
            how(alive[0])
        return bool(alive)

    def _step_clock(self, strike: Strike) -> bool:
        (self.shell.folder / "clock").write_text(STEPS[strike.victim] + "\n", encoding="ascii")
        return True

    def _take_store_away(self, strike: Strike) -> bool:
        if self.server is None:
            hold(self.store, strike.lasts_s)
        else:
            self.server.stop()
            time.sleep(strike.lasts_s)
            self.server.start()
        return True

    def _command(self, *arguments: str) -> bool:
        self.shell.start(*arguments)
        return True

    def _killed(self, strike: Strike, command: str) -> bool:
        """Returns whether it was still at work."""
        process = self.shell.start(command)
        time.sleep(strike.lasts_s)
        alive = process.code is None
        process.kill()
        return alive


def hold(store: Place, seconds: float) -> None:
    """Another program writes to the file, and takes its time."""
    assert store.file is not None
    if not store.file.exists():
        return
    with closing(sqlite3.connect(store.file, isolation_level=None, timeout=60)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        other.execute("ROLLBACK")
