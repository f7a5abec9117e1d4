"""`verbatims reanalyse`: asks another analyser about what is analysed already."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from pipeline.commands.arguments import add_budget, add_command, add_mode, day, non_empty
from pipeline.commands.asking_first import add_yes, confirm
from pipeline.commands.ending import exit_code
from pipeline.commands.output import DONE, open_console, print_data, say, terminal_on
from pipeline.commands.resuming import going_on
from pipeline.errors import InputError
from pipeline.program import next_command


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "reanalyse",
        "ask another analyser about analysed verbatims; rows stay until `accept`",
        run,
        examples=[
            "verbatims reanalyse --since 2026-01-01",
            "VERBATIMS_PROMPT=better.md verbatims reanalyse --mode batch --budget 5.00 --yes",
        ],
        settings=["VERBATIMS_PROMPT", "VERBATIMS_MODEL", "VERBATIMS_TOPICS", "VERBATIMS_BUDGET_USD_PER_DAY"],
    )
    command.add_argument(
        "--analyser",
        type=non_empty,
        default="settings",
        metavar="A",
        help="which analyser to ask: a name or fingerprint of `verbatims analysers` (default: the one of the settings)",
    )
    command.add_argument("--since", type=day, metavar="DAY", help="only verbatims first seen on this day or later")
    command.add_argument("--source", type=non_empty, metavar="NAME", help="only verbatims of this source")
    add_mode(command)
    add_budget(command)
    add_yes(command)
    command.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Say what it costs, ask, and say what came of it."""
    from pipeline import reanalysis
    from pipeline.session import open_session
    from pipeline.store import Wanted

    console, batch = open_console(), options.mode == "batch"
    with (
        open_session(terminal_on(console), asks=True, run_budget_usd=options.budget) as session,
        going_on(options),
    ):
        asked = reanalysis.resolve(session, options.analyser)
        record = reanalysis.record_of(session, asked)
        plan = reanalysis.plan(session, record, Wanted(options.since, options.source), batch=batch)
        if not plan.touched.texts:
            raise InputError(
                "no analysed verbatim is like that; --since and --source choose among those that there are"
            )
        if not plan.touched.asked:
            if options.json:
                print_data({"run_id": None, "analyser": record.fingerprint, "texts": plan.touched.texts, "asked": 0})
            say(f"{asked.shown_as}: {plan.words}")
            return DONE
        confirm(options, f"{asked.shown_as}: {plan.words}")
        run_id = reanalysis.reanalyse(session, plan, batch=batch)
        counts = session.store.runs.count(run_id)
    if options.json:
        print_data({"run_id": run_id, "analyser": record.fingerprint, **asdict(counts)})
    to_go_on = next_command(f"accept {asked.shown_as}")
    say(f"{counts.analysed} answers of {asked.shown_as} beside the current ones: `{to_go_on}` makes them current")
    return exit_code(run_id, counts, "analyse")
