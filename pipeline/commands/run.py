"""`verbatims run`: runs all five stages, or estimates what they would do."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_budget, add_command, add_mode, add_retry_failed
from pipeline.commands.ending import exit_code
from pipeline.commands.input_file import add_input_options, input_file
from pipeline.commands.output import DONE, open_console, print_data, say, terminal_on, warn
from pipeline.commands.report import add_language, written
from pipeline.commands.resuming import going_on
from pipeline.errors import VerbatimsError
from pipeline.program import next_command

if TYPE_CHECKING:
    from pipeline.dry_run import Estimate
    from pipeline.session import Session


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "run",
        "scrape, clean, analyse, load, publish: the whole journey",
        run,
        examples=[
            "verbatims run",
            "verbatims run --input reviews.csv --dry-run",
            "cat reviews.jsonl | verbatims run --input - --json",
        ],
        settings=[
            "SCRAPER_MODE",
            "ANTHROPIC_API_KEY",
            "STORE",
            "WAREHOUSE",
            "VERBATIMS_SOURCES",
            "VERBATIMS_CONCURRENCY",
            "VERBATIMS_BUDGET_USD_PER_DAY",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ],
    )
    add_input_options(command)
    add_mode(command)
    add_budget(command)
    command.add_argument("--json", action="store_true", help="print the result as one JSON object")
    command.add_argument(
        "--report", action="store_true", help="also write the run's report, as `verbatims report` does"
    )
    add_language(command)
    exclusive = command.add_mutually_exclusive_group()
    add_retry_failed(exclusive)
    exclusive.add_argument(
        "--dry-run",
        action="store_true",
        help="only estimate the cost; Claude counts the tokens of 50 texts at most, which is free; nothing is written",
    )


def run(options: argparse.Namespace) -> int:
    """Run all stages, or estimate them with --dry-run."""
    from pipeline import journey as stages
    from pipeline import summary
    from pipeline.session import open_session

    if options.dry_run:
        return _dry_run(options)
    if options.report:
        from pipeline.report.drawing import require

        require()  # before anything is paid
    console = open_console()
    with open_session(
        terminal_on(console), reads=True, asks=True, file=input_file(options), run_budget_usd=options.budget
    ) as session:
        assert session.source is not None
        with going_on(options):
            summary.announce(console, session, session.source, of_files=options.input is not None)
            batch = options.mode == "batch"
            result = stages.run(session, session.source, options.limit, batch=batch, retry_failed=options.retry_failed)
            summary.name_places(console, session, result.run_id)
            if options.json:
                print_data(summary.as_json(result, session.settings))
            else:
                summary.show(console, session, result)
        if options.report:
            _report(session, result.run_id, options.lang)
    return exit_code(result.run_id, result.counts, "collect")  # only what batches hold is pending behind a run


def _report(session: Session, run_id: str, language: str | None) -> None:
    try:
        say(f"\nThe report: {written(session.store, session.settings, run_id, language)}")
    except VerbatimsError as error:
        again = next_command(f"report {run_id}")
        raise type(error)(f"{error}; the run is complete, and `{again}` writes its report") from None


def _dry_run(options: argparse.Namespace) -> int:
    from pipeline.clean import prepare
    from pipeline.dry_run import estimate
    from pipeline.session import analyser_of, open_dry_session, price_of
    from pipeline.source.history import NO_HISTORY
    from pipeline.summary import about_to_read

    with open_dry_session(input_file(options)) as session:
        source, store = session.source, session.store
        for line in about_to_read(source, of_files=options.input is not None, samples=sys.stderr.isatty()):
            (warn if line.startswith("warning: ") else say)(line)
        history = store.crawls() if store else NO_HISTORY
        if store is not None:
            store.texts.compare(islice(source.again(prepare), options.limit))
        records = source.reviews(history, prepare)
        analyser, price = (
            analyser_of(session.settings, store),
            price_of(session.settings, batch=options.mode == "batch"),
        )
        found = estimate(
            records, store, analyser, price, options.limit, session.count_tokens, session.settings.concurrency
        )
        for warning in source.finish(history):
            warn(f"warning: {warning}")
    if options.json:
        print_data(asdict(found))
    else:
        say(_in_words(found, sandbox=session.settings.sandbox))
    return DONE


def _in_words(found: Estimate, *, sandbox: bool) -> str:
    asked = "1 text" if found.would_ask == 1 else f"{found.would_ask} texts"
    return (
        f"dry run: {found.scraped} records, {sum(found.skipped.values())} skipped, {found.known} known, "
        f"{found.failed} unreadable; to ask {asked} would cost ${found.low_cost_usd:.4f} to "
        f"${found.high_cost_usd:.4f}{' (sandbox, not billed)' if sandbox else ''}; "
        f"nothing was paid or written\nestimated with {found.basis}"
    )
