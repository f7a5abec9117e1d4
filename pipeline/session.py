"""All that a command or a task needs before its first word: settings, source, sandbox, store and telemetry, checked
and open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import load as loading
from pipeline import sandbox as stand_in
from pipeline.analyse.analyser import Analyser, define
from pipeline.analyse.client import Client, connect
from pipeline.analyse.counting import NotCounted, count_tokens
from pipeline.analyse.price import Price
from pipeline.analyse.prompt import load_prompt
from pipeline.analyse.topics import load_topics
from pipeline.claiming import Budget
from pipeline.errors import SettingsError
from pipeline.header_list import parse_headers
from pipeline.observer import Observer
from pipeline.progress import Progress
from pipeline.records import COMMAND_LINE, SANDBOX_MODEL, Task, Topic
from pipeline.settings import SANDBOX_PRICED_AS, Settings, load_settings
from pipeline.source import config
from pipeline.source.source import Source
from pipeline.source.sources import Sources
from pipeline.source.web.description import Description
from pipeline.source.web.fetcher import Fetcher
from pipeline.source.web.site import Site
from pipeline.store import Store, open_store, peek_store
from pipeline.telemetry import Telemetry, start
from pipeline.urls import origin


@dataclass(frozen=True)
class Session:
    """Settings, store, telemetry and progress: what every stage is given."""

    settings: Settings
    store: Store
    telemetry: Telemetry
    progress: Progress
    task: Task = COMMAND_LINE
    claude_url: str | None = None
    """The sandbox's address in sandbox mode, where all of it answers; a gateway's in prod, None for the API itself."""
    source: Source | None = None
    """None for a command that reads nothing."""
    run_budget_usd: float | None = None
    """What the run may spend; None: as much as it takes."""

    @property
    def observer(self) -> Observer:
        """Whom the stages tell what happens."""
        return self.telemetry.observer

    @property
    def budget(self) -> Budget:
        """What may be spent."""
        return Budget(self.run_budget_usd, self.settings.budget_usd_per_day)

    def open_warehouse(self) -> loading.Warehouse:
        """Raises SettingsError as `load.open_warehouse` does."""
        sandbox = self.settings.sandbox
        return loading.open_warehouse(
            self.settings.warehouse_url, sandbox=sandbox, endpoint=self.claude_url if sandbox else None
        )

    def warehouse_name(self) -> str:
        """Where the rows are, in words."""
        with closing(self.open_warehouse()) as warehouse:
            return warehouse.name

    def analyser(self, run_id: str) -> Analyser:
        """Who answers in this run: whom a re-analysis asks, else as the settings say."""
        if asked_again := self.store.runs.analyser(run_id):
            return Analyser(asked_again, self.settings.max_tokens)
        return analyser_of(self.settings, self.store, before=self.store.runs.started_at(run_id))

    def count_tokens(self, analyser: Analyser, texts: Sequence[str]) -> list[int]:
        """Ask Claude, or the sandbox, as `counting.count_tokens` does. Raises NotCounted."""

        async def count() -> list[int]:
            return await count_tokens(_connect(self.settings, self.claude_url, False), analyser, texts)

        return asyncio.run(count())

    def connect(self) -> Client:
        """A client for Claude's API, or for what stands in for it; close it when done. The observer makes the spans."""
        return _connect(self.settings, self.claude_url, False)

    def connect_for_batches(self) -> Client:
        """The same, whose requests have the SDK's own spans."""
        return _connect(self.settings, self.claude_url, self.telemetry.anthropic_option())


@dataclass(frozen=True)
class DrySession:
    """What a dry run is given: no telemetry, no progress, and a store only if there is one."""

    settings: Settings
    source: Source
    store: Store | None
    claude_url: str | None
    """As in `Session`, if the source has needed the sandbox; else in sandbox mode None."""

    def count_tokens(self, analyser: Analyser, texts: Sequence[str]) -> list[int]:
        """Ask Claude, or the sandbox, as `counting.count_tokens` does. Raises NotCounted."""
        with ExitStack() as stack:
            try:
                url = self.claude_url or _claude_url(self.settings, stack, needed=True)
            except SettingsError:
                raise NotCounted("no sandbox answers at ANTHROPIC_BASE_URL") from None
            return asyncio.run(self._counted(url, analyser, texts))

    async def _counted(self, url: str | None, analyser: Analyser, texts: Sequence[str]) -> list[int]:
        # the client belongs to the loop that it is made in
        return await count_tokens(_connect(self.settings, url, False), analyser, texts)


def _connect(settings: Settings, url: str | None, open_telemetry: Any) -> Client:
    # the real key never travels to a sandbox, whatever the environment holds
    key = "sandbox" if settings.sandbox or settings.api_key is None else settings.api_key.get_secret_value()
    return connect(
        api_key=key,
        base_url=url,
        concurrency=settings.concurrency,
        timeout_s=settings.timeout_s,
        sandbox=settings.sandbox,
        open_telemetry=open_telemetry,
    )


@contextmanager
def claude_of(settings: Settings) -> Iterator[Client]:
    """A client for Claude's API, or for what stands in for it, where no store is needed. The caller closes it."""
    with ExitStack() as stack:
        yield _connect(settings, _claude_url(settings, stack, needed=True), False)


def analyser_of(settings: Settings, store: Store | None = None, before: str | None = None) -> Analyser:
    """Who answers, as the settings say, with the topics that were accepted `before` an instant, or until now.

    Raises SettingsError for a bad prompt or reference base.
    """
    topics = reference_base(settings, store, before)
    prompt = load_prompt(settings.prompt)
    record = define(settings.asked_model, topics, settings.thinking, settings.effort, prompt)
    return Analyser(record, settings.max_tokens)


def reference_base(settings: Settings, store: Store | None, before: str | None = None) -> tuple[Topic, ...]:
    """The topics of the file, and those that were accepted into the store behind them.

    A run names those that were accepted before it began, so that all its processes ask the same.
    """
    listed = load_topics(settings.topics)
    ids = {topic.id for topic in listed}
    accepted = store.topics.accepted(before) if store else ()
    return (*listed, *(topic for topic in accepted if topic.id not in ids))


def price_of(settings: Settings, *, batch: bool = False, model: str | None = None) -> Price:
    """Of live calls, or of those in batches. Raises SettingsError for a model without a known price.

    `model`: who was asked. Where that is another model than the settings', their own prices are not its own.
    """
    if model is not None and model != settings.asked_model:
        return Price(SANDBOX_PRICED_AS if model == SANDBOX_MODEL else model, None, None, batch=batch)
    return Price(settings.priced_model, settings.input_usd_per_mtok, settings.output_usd_per_mtok, batch=batch)


@contextmanager
def open_session(
    progress_for: Callable[[Settings], Progress],
    *,
    reads: bool = False,
    asks: bool = False,
    file: Source | None = None,
    task: Task = COMMAND_LINE,
    run_budget_usd: float | None = None,
    checks_warehouse: bool = True,
) -> Iterator[Session]:
    """Check and open everything; close it behind the command, telemetry flushed.

    What `reads` needs a source: the file, or else those of the settings. What `asks` needs Claude. Where another
    machine loads the rows, nothing `checks_warehouse` here: opening it would make an empty file.
    Raises SettingsError or InputError before a word is said and before anything is written.
    """
    settings = load_settings()
    with ExitStack() as stack:
        if asks:
            check_request(settings)
        source, url = _source_and_claude(settings, file, stack, reads=reads, asks=asks or on_bigquery(settings))
        store = open_store(settings.store)
        stack.callback(store.close)
        store.runs.check_mode(settings.mode)
        if checks_warehouse:
            endpoint = url if settings.sandbox else None
            loading.open_warehouse(settings.warehouse_url, sandbox=settings.sandbox, endpoint=endpoint).close()
        progress = progress_for(settings)
        telemetry = stack.enter_context(_telemetry(settings, task, progress.say))
        yield Session(settings, store, telemetry, progress, task, url, source, run_budget_usd)


@contextmanager
def open_dry_session(file: Source | None) -> Iterator[DrySession]:
    """What a dry run needs: the source and the store as it is, if there is one. Nothing is built or written."""
    settings = load_settings()
    with ExitStack() as stack:
        check_request(settings)
        source, url = _source_and_claude(settings, file, stack, reads=True, asks=False)
        assert source is not None
        store = peek_store(settings.store)
        if store is not None:
            stack.callback(store.close)
            store.runs.check_mode(settings.mode)
        yield DrySession(settings, source, store, url)


def check_request(settings: Settings) -> None:
    """Raises SettingsError for a bad reference base or a model without a price."""
    analyser_of(settings)
    price_of(settings)


def _source_and_claude(
    settings: Settings, file: Source | None, stack: ExitStack, *, reads: bool, asks: bool
) -> tuple[Source | None, str | None]:
    """A sandbox serves the site and Claude alike."""
    url = _claude_url(settings, stack, needed=asks or (reads and file is None))
    return file or (_source(settings, url) if reads else None), url


def _source(settings: Settings, sandbox_url: str | None) -> Source:
    """The sandbox's own site, or what the file of sources names."""
    if sandbox_url and settings.sandbox:
        fetcher = Fetcher(proxies=False, private=True)
        return Site("sandbox", Description([f"{sandbox_url}/"], delay_s=0.0), fetcher)
    return Sources(config.load_sources(settings.sources, Fetcher(private=settings.private_addresses)))


def _claude_url(settings: Settings, stack: ExitStack, *, needed: bool) -> str | None:
    """Where Claude answers. In sandbox mode nothing is asked that does not call itself a sandbox."""
    if not settings.sandbox:
        return settings.base_url or None
    if not needed:
        return None
    if not settings.base_url:
        tables, batches = _beside(settings, stand_in.TABLES), _beside(settings, stand_in.BATCHES)
        return stack.enter_context(stand_in.Sandbox(tables=tables, batches=batches)).url
    if not stand_in.identify(settings.base_url):
        raise SettingsError(
            f"ANTHROPIC_BASE_URL: {origin(settings.base_url)} does not identify itself as a sandbox, and "
            "SCRAPER_MODE=sandbox asks nothing else; start `verbatims sandbox` there, leave it empty, or set "
            "SCRAPER_MODE=prod"
        )
    return settings.base_url


def on_bigquery(settings: Settings) -> bool:
    """Whether the rows go to a service that the sandbox must stand in for."""
    return settings.warehouse_url.startswith("bigquery://")


@contextmanager
def sandbox_for(settings: Settings) -> Iterator[str | None]:
    """The address of what stands in for the warehouse, if anything must."""
    with ExitStack() as stack:
        yield _claude_url(settings, stack, needed=on_bigquery(settings)) if settings.sandbox else None


def file_of_warehouse(settings: Settings) -> Path | None:
    """The file that this machine keeps the rows in; None where a service keeps them."""
    if not on_bigquery(settings):
        return Path(settings.warehouse_url.removeprefix("sqlite:///"))
    return _beside(settings, stand_in.TABLES) if settings.sandbox and not settings.base_url else None


def _beside(settings: Settings, file: Path) -> Path:
    """Where a stand-in keeps its file: beside the store, for the next process to find."""
    if settings.store.startswith("sqlite:///"):
        return Path(settings.store.removeprefix("sqlite:///")).with_name(file.name)
    return file


def _telemetry(settings: Settings, task: Task, warn: Callable[[str], None]) -> Telemetry:
    try:
        return _started(settings, task, warn)
    except ValueError as error:  # the SDK reads more OTEL_ variables than these settings know
        raise SettingsError(f"OTEL_…: {error}") from None


def _started(settings: Settings, task: Task, warn: Callable[[str], None]) -> Telemetry:
    return start(
        endpoint=settings.otlp_endpoint or None,
        headers=settings.export_headers,
        timeout_s=settings.otlp_timeout_s,
        export_interval_s=settings.metric_export_interval_ms / 1000,
        service_name=settings.service_name,
        environment=settings.mode,
        resource_attributes=parse_headers(settings.resource_attributes),
        disabled=settings.otel_disabled,
        task=task,
        warn=warn,
    )
