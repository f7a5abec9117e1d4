"""`verbatims scrape`, `clean`, `analyse`, `load`, `publish`: run one stage."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from pipeline.commands.arguments import add_budget, add_command, add_mode, add_retry_failed, add_run_id
from pipeline.commands.ending import exit_code, say_published, stage_to_do
from pipeline.commands.input_file import add_input_options, input_file
from pipeline.commands.output import open_console, print_data, terminal_on
from pipeline.commands.resuming import going_on
from pipeline.records import Stage

STAGES = {
    Stage.SCRAPE: "read a source into the store, masked; prints the new run's id",
    Stage.CLEAN: "decide which verbatims of a run are worth a call",
    Stage.ANALYSE: "ask Claude about a run's verbatims that nobody has asked yet",
    Stage.LOAD: "bring the rows that the warehouse lacks, of any run; with --run all rows of that run",
    Stage.PUBLISH: "check what the warehouse holds, and say that a run's rows may be relied on",
}

EXAMPLES = {
    Stage.SCRAPE: ["verbatims scrape", "verbatims scrape --input reviews.csv --limit 100"],
    Stage.CLEAN: ["verbatims clean", "verbatims clean --run day-2026-01-31"],
    Stage.ANALYSE: ["verbatims analyse", "verbatims analyse --run day-2026-01-31 --retry-failed"],
    Stage.LOAD: ["verbatims load", "verbatims load --run day-2026-01-31"],
    Stage.PUBLISH: ["verbatims publish", "verbatims publish --json"],
}

SETTINGS = {
    Stage.SCRAPE: ["VERBATIMS_SOURCES"],
    Stage.ANALYSE: ["ANTHROPIC_API_KEY", "VERBATIMS_MODEL", "VERBATIMS_CONCURRENCY", "VERBATIMS_BUDGET_USD_PER_DAY"],
    Stage.LOAD: ["WAREHOUSE"],
    Stage.PUBLISH: ["WAREHOUSE"],
}


def add_parser(parsers: Any) -> None:
    """Add a command for each stage, with its options."""
    for stage, help_text in STAGES.items():
        command = add_command(
            parsers,
            stage.value,
            help_text,
            run,
            examples=EXAMPLES[stage],
            settings=["SCRAPER_MODE", "STORE", *SETTINGS.get(stage, ())],
        )
        command.add_argument("--json", action="store_true", help="print the run's counts as one JSON object")
        if stage is Stage.SCRAPE:
            add_input_options(command)
            command.set_defaults(run=None)
        else:
            add_run_id(command)
        if stage is Stage.ANALYSE:
            add_mode(command)
            add_budget(command)
            add_retry_failed(command)
        else:
            command.set_defaults(budget=None, mode="live", retry_failed=False)


def run(options: argparse.Namespace) -> int:
    """Run one stage: scrape for a new run, the others for the selected or latest one."""
    from pipeline import journey as stages
    from pipeline import summary
    from pipeline.session import open_session

    reads, asks = options.name == "scrape", options.name == "analyse"
    console, file = open_console(), input_file(options) if reads else None
    budget = options.budget
    with (
        open_session(terminal_on(console), reads=reads, asks=asks, file=file, run_budget_usd=budget) as session,
        going_on(options),
    ):
        source = session.source
        run_id = stages.start_run(session, source.name) if source else session.store.runs.find(options.run)
        summary.announce(console, session, source, of_files=reads and options.input is not None)
        if reads:
            stages.scrape(session, run_id, source, options.limit)
        else:
            load = partial(stages.load, again=options.run is not None)
            work: dict[str, Callable[..., object]] = {
                "clean": stages.clean,
                "analyse": partial(stages.analyse, batch=options.mode == "batch", retry_failed=options.retry_failed),
                "load": load,
                "publish": stages.publish,
            }
            work[options.name](session, run_id)
        counts = session.store.runs.count(run_id)
        # scrape and clean leave verbatims pending; after analyse they met a passing error, or nobody has asked yet
        todo = None if options.name in ("scrape", "clean") else stage_to_do(session, run_id)
        if options.name == "publish":
            say_published(session, run_id)
    if options.json:
        print_data({"run_id": run_id, **asdict(counts)})
    elif reads:
        print(run_id, flush=True)
    return exit_code(run_id, counts, todo)
