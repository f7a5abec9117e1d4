"""`verbatims compare`: is a second analyser worse than the first?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_command, non_empty
from pipeline.commands.evaluate import add_asking, add_labels, ask_missing, labels_of
from pipeline.commands.output import DONE, WITH_FAILURES, open_console, print_data, terminal_on
from pipeline.commands.resuming import going_on

if TYPE_CHECKING:
    from pipeline.evaluate.paired import Paired


def add_parser(parsers: Any) -> None:
    """Add the command's arguments."""
    command = add_command(
        parsers,
        "compare",
        "say whether a second analyser is worse than a first one, on the same labelled texts",
        run,
        examples=[
            "VERBATIMS_PROMPT=better.md verbatims compare --labels labels.csv current settings",
            "verbatims compare first-prompt second-prompt --json",
        ],
        settings=["STORE", "VERBATIMS_PROMPT", "VERBATIMS_BUDGET_USD_PER_DAY"],
    )
    for name, metavar in (("first", "A"), ("second", "B")):
        command.add_argument(
            name,
            metavar=metavar,
            type=non_empty,
            help="a name or fingerprint of `verbatims analysers`, current, or settings",
        )
    add_labels(command)
    add_asking(command)


def run(options: argparse.Namespace) -> int:
    """Ask for what is missing, then print the verdict; exit code 1 for worse."""
    from pipeline.evaluate.extra import require

    require("compare")
    from pipeline import evaluating, reanalysis
    from pipeline.session import open_session

    with (
        open_session(terminal_on(open_console()), asks=True, run_budget_usd=options.budget) as session,
        going_on(options),
    ):
        _, labels = labels_of(session, options)
        first, second = (reanalysis.resolve(session, word) for word in (options.first, options.second))
        evaluating.require_two(first, second)
        for one in (first, second):
            ask_missing(session, options, one, labels)
        found = evaluating.compare_two(session.store, first, second, labels)
    if options.json:
        print_data({"first": first.fingerprint, "second": second.fingerprint, **asdict(found)})
    else:
        print(f"{second.shown_as} compared with {first.shown_as}: {_words(found)}")
        print(
            f"{found.labels} labelled texts; only {first.shown_as} is right on {found.lost}, "
            f"only {second.shown_as} on {found.won}"
        )
        print(f"difference {found.difference:+.1%} ({found.low:+.1%} to {found.high:+.1%}), p = {found.p:.3f}")
    return WITH_FAILURES if found.judgement == "worse" else DONE


def _words(found: Paired) -> str:
    if found.judgement == "worse":
        return "worse"
    if found.judgement == "not_worse":
        return "not worse; a loss of three points or more is ruled out"
    if not found.more_labels:
        return "cannot tell; more labels will hardly show that it is not worse"
    return f"cannot tell; some {found.more_labels} more labels could show that it is not worse"
