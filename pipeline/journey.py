"""Everything a command needs before its first word: settings, source, sandbox, store and telemetry, all checked."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline import load as loading
from pipeline import run as stages
from pipeline import sandbox as stand_in
from pipeline import summary
from pipeline.dry_run import Estimate, estimate
from pipeline.errors import SettingsError
from pipeline.progress import Terminal
from pipeline.records import BrokenRecord, Review
from pipeline.run import Context, Result, price_of, prompt_of
from pipeline.settings import SANDBOX_PRICED_AS, Settings, load, pairs
from pipeline.source import Columns, File, Site, Source
from pipeline.store import Store, StoreTotals, count_run, open_store, too_long
from pipeline.telemetry import Telemetry, start

NAMED_PLACES = 10
"""How many over-long texts are named by their place; the store knows them all."""


@dataclass
class Ready:
    """A command that may begin: whatever could be wrong beforehand has been checked."""

    settings: Settings
    store: Store | None
    """None only in a dry run, where no store exists yet."""
    telemetry: Telemetry
    progress: Terminal
    url: str | None
    source: Source | None
    console: Console

    @property
    def context(self) -> Context:
        """What the stages are given. Raises AttributeError in a dry run without a store, which has no stages."""
        if self.store is None:
            raise AttributeError("a dry run has no stages")
        return Context(self.settings, self.store, self.telemetry, self.progress, claude_url=self.url)

    @property
    def source_name(self) -> str:
        return self.source.name if self.source else ""

    @property
    def records(self) -> Iterable[Review | BrokenRecord]:
        """What the source gives, read as it is asked for."""
        return self.source.reviews() if self.source else ()

    @property
    def not_billed(self) -> str:
        return " (not billed)" if self.settings.sandbox else ""

    def announce(self) -> None:
        """The first words: who answers, what is read, and what was guessed."""
        settings = self.settings
        if settings.sandbox:
            self.say(f"SANDBOX: no real Claude answers; costs are those of {SANDBOX_PRICED_AS}, not billed")
        else:
            self.say(f"asking {settings.model} at {self.url or 'the API itself'}")
        if self.source:
            self.say(f"reading {self.source.name}")
            for guess in self.source.guesses:
                self.say(f"  {guess}")

    def say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def name_places(self, run_id: str) -> None:
        """Say where the over-long texts are; their content stays unsaid."""
        places = too_long(self.context.store.database, run_id, NAMED_PLACES + 1)
        if places:
            more = " …" if len(places) > NAMED_PLACES else ""
            self.say(f"skipped as too long: record {', '.join(map(str, places[:NAMED_PLACES]))}{more}")

    def show(self, result: Result) -> None:
        """The closing summary."""
        settings = self.settings
        totals = StoreTotals(self.context.store.database)
        rows = settings.warehouse_url.removeprefix("sqlite:///") + ", table verbatims_analysed_v1"
        summary.show(self.console, result, settings, self.telemetry.values(), totals, rows)

    def estimate(self, limit: int | None) -> Estimate:
        """What a run would do, without a call and without a write."""
        settings = self.settings
        return estimate(self.records, self.store, prompt_of(settings), price_of(settings), limit)


@contextmanager
def prepare(options: argparse.Namespace, *, reads: bool, asks: bool) -> Iterator[Ready]:
    """Check and open everything; close it behind the command, telemetry flushed.

    Raises SettingsError or InputError before a word is said and before anything is written.
    """
    settings = load()
    with ExitStack() as stack:
        if asks:
            prompt_of(settings)
            price_of(settings)
        file = _file(options) if reads and options.input else None
        url = _claude_url(settings, stack, needed=asks or (reads and file is None))
        source = file or (_site(settings, url) if reads else None)
        dry_run = getattr(options, "dry_run", False)
        store = None if dry_run and not _exists(settings.store) else _store(settings, stack)
        if not dry_run:
            loading.open_warehouse(settings.warehouse_url).close()
        console = Console(stderr=True, highlight=False)
        progress = Terminal(console, billed=not settings.sandbox)
        telemetry = stack.enter_context(_telemetry(settings, progress.say))
        yield Ready(settings, store, telemetry, progress, url, source, console)


def one_stage(options: argparse.Namespace, words: Callable[[str], None], data: Callable[[Any], None]) -> int:
    """Run one stage over one run: a new one for scrape, else the one named or the latest."""
    reads, asks = options.name == "scrape", options.name == "analyse"
    with prepare(options, reads=reads, asks=asks) as ready:
        context = ready.context
        run_id = _run_id(ready, options)
        ready.announce()
        if reads:
            stages.scrape(context, run_id, ready.records, options.limit)
        else:
            {"clean": stages.clean, "analyse": stages.analyse, "load": stages.load}[options.name](context, run_id)
        counts = count_run(context.store.database, run_id)
        failed = counts.failed
        if asks:
            failed = stages.settled(counts).failed
    if options.json:
        data({"run_id": run_id, **asdict(counts)})
    elif reads:
        data(run_id)
    return 1 if failed or counts.load_refused else 0


def _run_id(ready: Ready, options: argparse.Namespace) -> str:
    store = ready.context.store
    if options.name == "scrape":
        return store.begin_run(ready.settings.mode, ready.source_name)
    run_id = options.run or store.latest_run()
    if run_id is None or not store.has_run(run_id):
        raise SettingsError(f"--run: the store has no run {run_id or 'yet'}; `verbatims scrape` begins one")
    return str(run_id)


def _file(options: argparse.Namespace) -> File:
    names = {column: getattr(options, f"{column}_column") for column in ("text", "id", "rating", "date", "language")}
    return File(options.input, Columns(**names))


def _site(settings: Settings, sandbox_url: str | None) -> Site:
    if settings.sandbox and sandbox_url:
        return Site(sandbox_url + "/", source="sandbox", delay_s=0.0)
    if not settings.site:
        raise SettingsError("VERBATIMS_SITE: SCRAPER_MODE=prod needs an address to read, or --input FILE")
    return Site(settings.site, delay_s=settings.site_delay_s)


def _claude_url(settings: Settings, stack: ExitStack, *, needed: bool) -> str | None:
    """Where Claude answers. In sandbox mode nothing is asked that does not call itself a sandbox."""
    if not settings.sandbox:
        return settings.base_url or None
    if not needed:
        return None
    if not settings.base_url:
        return stack.enter_context(stand_in.Sandbox()).url
    if not stand_in.identify(settings.base_url):
        raise SettingsError(
            f"ANTHROPIC_BASE_URL: {settings.base_url} does not identify itself as a sandbox, and SCRAPER_MODE=sandbox "
            "asks nothing else; start `verbatims sandbox` there, leave it empty, or set SCRAPER_MODE=prod"
        )
    return settings.base_url


def _exists(url: str) -> bool:
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists()


def _store(settings: Settings, stack: ExitStack) -> Store:
    store = open_store(settings.store)
    stack.callback(store.close)
    store.check_mode(settings.mode)
    return store


def _telemetry(settings: Settings, warn: Callable[[str], None]) -> Telemetry:
    headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    return start(
        endpoint=settings.otlp_endpoint or None,
        headers=pairs(headers),
        timeout_s=settings.otlp_timeout_s,
        export_interval_s=settings.metric_export_interval_ms / 1000,
        service_name=settings.service_name,
        resource_attributes=pairs(settings.resource_attributes),
        disabled=settings.otel_disabled,
        warn=warn,
    )
