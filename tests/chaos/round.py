"""One round: workers and faults side by side, then the README's commands to go on, then the checks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml
from otlp_receiver import Receiver
from postgres import Server
from stack.server import eventually

from . import checks
from .bills import Bills, most_questions
from .faults import Striking
from .place import Place
from .plan import CLOCK, SAME_FILE, Plan, Worker
from .process import ROOT, Process, Shell
from .reviews import SOURCE, write

LONG_AGO = "2020-01-01"
TRIES = 8
"""How often a command that says so is repeated: the stand-in of BigQuery is told to be away now and then."""


@dataclass
class Round:
    """What a round needs to run."""

    plan: Plan
    folder: Path
    server: Server
    receiver: Receiver
    clock: str | None
    """The library that makes a clock step, where there is one."""

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.store = self._store()
        self.warehouse = self._warehouse()
        self.billed = self.folder / "billed.jsonl"
        self.input = write(self.plan.reviews, self.folder / checks.INPUT)
        self.shell = Shell(self.folder, {})
        _write_topics(self.folder / "topics.yaml")

    def run(self) -> str:
        """All of it; returns the line that says how it went. Raises AssertionError."""
        began = time.monotonic()
        try:
            striking = self._work()
            self._go_on()
            seen = self._seen(striking)
            self._check(seen)
            self._erase_all()
            self._check_erased(seen)
        finally:
            self.shell.close()
        struck = ", ".join(sorted(strike.kind for strike in striking.struck)) or "nothing"
        bound = f"{seen.bills.questions} of {most_questions(self.plan)} + {striking.may_be_lost} questions"
        return f"{self.plan.name}: {self.plan.combination}; {struck}; {bound}; {time.monotonic() - began:.0f} s"

    def _work(self) -> Striking:
        self._start_sandbox()
        run_id = self._scrape() if self.plan.scraped_before else ""
        workers = [self._start(worker, run_id) for worker in self.plan.workers]
        server = self.server if self.plan.store == "postgres" else None
        striking = Striking(self.plan, self.shell, self.store, server, self.billed, workers)
        striking.run()
        for process in self.shell.started[1:]:
            process.end()
        return striking

    def _start_sandbox(self) -> None:
        options = ["--latency", f"{self.plan.latency_s:.2f}", "--seed", str(self.plan.number), "--faults"]
        files = ["--billed", str(self.billed), "--tables", str(self.folder / checks.TABLES)]
        sandbox = self.shell.start("sandbox", "--port", "0", *options, self.plan.faults, *files)
        said = eventually(lambda: "sandbox on " in sandbox.said and sandbox.said, 60, "the sandbox listens")
        address = str(said).partition("sandbox on ")[2].partition(": ")[0]
        self.shell.environment = {
            "STORE": self.store.url,
            "WAREHOUSE": self._warehouse_url(),
            "ANTHROPIC_BASE_URL": address,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.receiver.endpoint,
            "VERBATIMS_CONCURRENCY": str(self.plan.concurrency),
            "VERBATIMS_STORE_PATIENCE_S": "30",
        }

    def _scrape(self) -> str:
        """Read the input before the workers, and let some of it be old."""
        self._done("scrape", "--input", self.input.name)
        self._done("clean")
        ids = ", ".join(f"'{review.id}'" for review in self.plan.expired)
        if ids:
            self.store.change(f"UPDATE texts SET seen_on = '{LONG_AGO}' WHERE external_id IN ({ids})")
        [run] = self.store.rows("SELECT run_id FROM runs")
        return str(run["run_id"])

    def _start(self, worker: Worker, run_id: str) -> Process:
        of_what = ["--run", run_id] if worker.command == "analyse" else ["--input", self.input.name]
        return self.shell.start(worker.command, *of_what, **worker.settings, **self._faked_clock())

    def _faked_clock(self) -> dict[str, str]:
        if not (self.clock and self.plan.has(CLOCK)):
            return {}
        file = self.folder / "clock"
        if not file.exists():
            file.write_text("+0\n", encoding="ascii")
        return {"LD_PRELOAD": self.clock, "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def _go_on(self) -> None:
        """What the README says after a stop; erasing is repeated, since it may have been killed."""
        for review in self.plan.forgotten:
            self._done("forget", SOURCE, review.id)
        if self.plan.expired:
            self._done("expire")
        for command in (["run", "--input", self.input.name], ["load"], ["publish"], ["report"]):
            self._done(*command)

    def _done(self, *command: str) -> None:
        """Repeat a command until it is done; 1 only where a text has failed for good."""
        for _ in range(TRIES):
            process = self.shell.start(*command)
            code = process.end()
            if code != 3:
                break
        failed = self.store.rows("SELECT count(*) AS n FROM texts WHERE kept AND current IS NULL")[0]["n"]
        assert code == 0 or (code == 1 and failed), f"{process.name} ended with {code}: {process.said[-500:]}"

    def _seen(self, striking: Striking) -> checks.Seen:
        bills, processes = Bills.read(self.billed), self.shell.started
        where = (self.folder, self.store, self.warehouse)
        return checks.Seen(self.plan, *where, bills, striking, self.receiver, processes)

    def _check(self, seen: checks.Seen) -> None:
        for check in (checks.check_exits, checks.check_bills, checks.check_outcomes, checks.check_rows):
            check(seen)
        checks.check_erased(seen)
        checks.check_totals(seen)
        checks.check_silence(seen, erased=False)

    def _erase_all(self) -> None:
        self.store.change(f"UPDATE texts SET seen_on = '{LONG_AGO}' WHERE NOT erased")
        self._done("expire")

    def _check_erased(self, seen: checks.Seen) -> None:
        """Counts stay, words do not."""
        checks.check_exits(seen)
        checks.check_totals(seen)
        checks.check_rows(seen)
        checks.check_silence(seen, erased=True)

    def _store(self) -> Place:
        if self.plan.store == "sqlite":
            return Place(f"sqlite:///{self.folder}/store.db")
        name = f"chaos_{self.plan.seed}_{self.plan.number}"
        with psycopg.connect(f"{self.server.url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return Place(f"{self.server.url}/{name}")

    def _warehouse(self) -> Place:
        if self.plan.warehouse == SAME_FILE:
            return self.store
        if self.plan.warehouse == "bigquery":
            return Place(f"sqlite:///{self.folder}/{checks.TABLES}", prefix="verbatims.")
        return Place(f"sqlite:///{self.folder}/rows.db")

    def _warehouse_url(self) -> str:
        return "bigquery://sandbox/verbatims" if self.plan.warehouse == "bigquery" else self.warehouse.url


def _write_topics(file: Path) -> None:
    """A reference base that lacks one topic."""
    shipped = yaml.safe_load((ROOT / "pipeline" / "analyse" / "topics.yaml").read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({"topics": shipped["topics"][:-1]}, allow_unicode=True), encoding="utf-8")
