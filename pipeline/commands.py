"""What each command does: it opens what it needs, calls one function, prints the result, and gives the exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.errors import Interrupted, SettingsError, TransientError
from pipeline.program import program_name

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.progress import Terminal
    from pipeline.settings import Settings
    from pipeline.source.files.file import File

DONE, WITH_FAILURES = 0, 1


@contextmanager
def _going_on(options: argparse.Namespace) -> Iterator[None]:
    """Work that a stop leaves half done says by which command it goes on."""
    try:
        yield
    except (TransientError, Interrupted) as error:
        error.go_on = options.again
        if getattr(options, "input", None) == "-":  # cannot be read twice, but what was read is in the store
            stages = " && ".join(f"{program_name()} {stage}" for stage in ("clean", "analyse", "load", "publish"))
            error.go_on = f"{stages}  # the rest of standard input was not read"
        raise


def run(options: argparse.Namespace) -> int:
    """The whole journey, or what it would be."""
    from pipeline import journey as stages
    from pipeline import summary
    from pipeline.session import prepare

    if options.dry_run:
        return _dry_run(options)
    console = _console()
    with (
        prepare(_terminal(console), reads=True, asks=True, file=_file(options)) as ready,
        _going_on(options),
    ):
        assert ready.source is not None
        summary.announce(console, ready.context, ready.source)
        result = stages.run(ready.context, ready.source, options.limit)
        summary.name_places(console, ready.context, result.run_id)
        if options.json:
            _data(summary.as_json(result, ready.context.settings))
        else:
            summary.show(console, ready.context, result)
    return WITH_FAILURES if result.counts.failed or result.counts.load_refused else DONE


def _dry_run(options: argparse.Namespace) -> int:
    from pipeline.clean import prepare
    from pipeline.dry_run import estimate
    from pipeline.journey import price_of, prompt_of
    from pipeline.session import prepare_dry
    from pipeline.source.history import NO_HISTORY
    from pipeline.store import Crawls
    from pipeline.summary import about_to_read

    with prepare_dry(_file(options)) as (settings, source, store):
        for line in about_to_read(source):
            say(line)
        history = Crawls(store.database) if store else NO_HISTORY
        records = source.reviews(history, prepare)
        found = estimate(records, store, prompt_of(settings), price_of(settings), options.limit)
        for strange in source.finish(history):
            say(f"warning: {strange}")
    if options.json:
        _data(asdict(found))
    else:
        say(
            f"dry run: {found.scraped} records, {sum(found.skipped.values())} skipped, {found.known} known, "
            f"{found.failed} unreadable; {found.would_ask} texts would be asked, about "
            f"${found.estimated_cost_usd:.4f}{' (sandbox, not billed)' if settings.sandbox else ''}; "
            "nothing was sent or written"
        )
    return DONE


def stage(options: argparse.Namespace) -> int:
    """One stage over one run: a new one for scrape, else the one named or the latest."""
    from pipeline import journey as stages
    from pipeline import summary
    from pipeline.session import prepare
    from pipeline.store import count_run

    reads, asks = options.name == "scrape", options.name == "analyse"
    console, file = _console(), _file(options) if reads else None
    with prepare(_terminal(console), reads=reads, asks=asks, file=file) as ready, _going_on(options):
        context, source = ready.context, ready.source
        run_id = stages.begin(context, source.name) if source else context.store.runs.find(options.run)
        summary.announce(console, context, source)
        if reads:
            stages.scrape(context, run_id, source, options.limit)
        else:
            work = {"clean": stages.clean, "analyse": stages.analyse, "load": stages.load, "publish": stages.publish}
            work[options.name](context, run_id)
        counts = count_run(context.store.database, run_id)
    if options.json:
        _data({"run_id": run_id, **asdict(counts)})
    elif reads:
        print(run_id, flush=True)
    # behind analyse, what is still pending has failed and comes again with the next run
    pending = 0 if options.name in ("scrape", "clean") else counts.pending
    return WITH_FAILURES if counts.failed or counts.load_refused or pending else DONE


def _file(options: argparse.Namespace) -> File | None:
    from pipeline.source.files.columns import Columns
    from pipeline.source.files.file import File

    names = {column: getattr(options, f"{column}_column") for column in ("text", "id", "rating", "date", "language")}
    if options.input is None:
        for column in (column for column, name in names.items() if name is not None):
            raise SettingsError(f"--{column}-column names a column of a file, and no --input FILE is given")
        return None
    return File(options.input, Columns(**names))


def _console() -> Console:
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _terminal(console: Console) -> Callable[[Settings], Terminal]:
    from pipeline.progress import Terminal

    return lambda settings: Terminal(console, billed=not settings.sandbox)


def failed(options: argparse.Namespace) -> int:
    """A run's failed records, a line each."""
    from pipeline.settings import load_settings
    from pipeline.store import failures, peek_store

    store = peek_store(load_settings().store)
    if store is None:
        raise SettingsError("STORE: there is no store yet; `verbatims run` makes one")
    with closing(store):
        run_id = store.runs.find(options.run)
        found = failures(store.database, run_id)
    for failure in found:
        _data(asdict(failure))
    say(f"{len(found)} failed records in run {run_id}")
    return WITH_FAILURES if found else DONE


def expire(options: argparse.Namespace) -> int:
    """What is past its time goes, as words; what is counted stays."""
    from pipeline import retention
    from pipeline.session import prepare

    with prepare(_terminal(_console())) as ready, _going_on(options):
        before = retention.first_day_kept(options.days or ready.context.settings.retention_days)
        erased = retention.expire(ready.context, before)
    say(f"{erased} texts first seen before {before} are erased in store and warehouse; every count stays")
    return DONE


def forget(options: argparse.Namespace) -> int:
    """One verbatim goes, and does not come back."""
    from pipeline import retention
    from pipeline.session import prepare

    with prepare(_terminal(_console())) as ready, _going_on(options):
        fresh = retention.forget(ready.context, options.source, options.external_id)
    said = "forgotten: erased in store and warehouse" if fresh else "it was forgotten already"
    say(f"{said}; scraping it again does not bring it back, and every count stays")
    return DONE


def exporter(options: argparse.Namespace) -> int:
    """Serve totals until it is ended."""
    from pipeline.exporter import serve
    from pipeline.settings import load_settings
    from pipeline.store import StoreTotals, open_store

    store = open_store(load_settings().store)
    try:
        serve(
            StoreTotals(store.database),
            options.host,
            options.port,
            listening=lambda address: say(f"exporter on {address}: totals of {store.database.name}"),
        )
    finally:
        store.close()
    return DONE


def forwarder(options: argparse.Namespace) -> int:
    """Pass batch metrics on until it is ended."""
    from pipeline.forwarder import serve
    from pipeline.settings import load_settings
    from pipeline.urls import origin

    gateway = load_settings().pushgateway_url
    serve(
        gateway,
        options.host,
        options.port,
        listening=lambda address: say(f"forwarder on {address}: to the Pushgateway at {origin(gateway)}"),
    )
    return DONE


def doctor(options: argparse.Namespace) -> int:
    """What is fine and what is wrong, a line each."""
    from pipeline.doctor import examine
    from pipeline.settings import load_settings

    findings = list(examine(load_settings()))
    for finding in findings:
        if options.json:
            _data(asdict(finding))
        else:
            say(f"{'fine ' if finding.fine else 'WRONG'}  {finding.name:<12} {finding.said}")
    return DONE if all(finding.fine for finding in findings) else WITH_FAILURES


def sandbox(options: argparse.Namespace) -> int:
    """Serve the stand-ins until it is ended."""
    from pipeline.sandbox import serve
    from pipeline.sandbox.faults import parse

    faults = parse(options.faults)
    serve(
        options.host,
        options.port,
        options.latency,
        faults,
        options.seed,
        options.billed,
        options.tables,
        options.published,
    )
    return DONE


def say(line: str) -> None:
    """For a person, beside the data."""
    print(line, file=sys.stderr, flush=True)


def _data(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)
