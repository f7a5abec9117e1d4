"""`verbatims evaluate`: how well an analyser does against people's labels."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_budget, add_command, add_mode, non_empty
from pipeline.commands.asking_first import add_yes, confirm
from pipeline.commands.output import DONE, WITH_FAILURES, open_console, print_data, terminal_on, warn
from pipeline.commands.resuming import going_on

if TYPE_CHECKING:
    from pipeline.session import Session
    from pipeline.store import AnalyserShown, LabelledText


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "evaluate",
        "compare an analyser's answers with people's labels: precision, recall, F1, corrected shares",
        run,
        examples=["verbatims evaluate --labels labels.csv", "verbatims evaluate --analyser settings --yes --json"],
        settings=["STORE", "VERBATIMS_PROMPT", "VERBATIMS_BUDGET_USD_PER_DAY"],
    )
    add_labels(command)
    command.add_argument(
        "--analyser",
        type=non_empty,
        default="current",
        metavar="A",
        help="a name or fingerprint of `verbatims analysers`, or settings (default: %(default)s, that of most rows)",
    )
    add_asking(command)


def add_labels(command: Any) -> None:
    """Add the option that names labels."""
    command.add_argument(
        "--labels", type=non_empty, metavar="FILE", help="a filled-in file, or the name of imported labels"
    )


def add_asking(command: Any) -> None:
    """Add the options of asking for missing answers, and of the output."""
    add_mode(command)
    add_budget(command)
    add_yes(command)
    command.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Ask for what is missing, then print the scores."""
    from pipeline.evaluate.extra import require

    require("evaluate")
    from pipeline import evaluating, reanalysis
    from pipeline.evaluation_shown import show
    from pipeline.session import open_session

    with (
        open_session(terminal_on(open_console()), asks=True, run_budget_usd=options.budget) as session,
        going_on(options),
    ):
        person, labels = labels_of(session, options)
        shown = reanalysis.resolve(session, options.analyser)
        ask_missing(session, options, shown, labels)
        result, lacking = evaluating.evaluate(session.store, shown, labels)
    if options.json:
        print_data({"analyser": shown.fingerprint, "name": shown.name, "person": person, "lacking": lacking, **result})
    else:
        show(shown.shown_as, result)
    if lacking:
        warn(f"{shown.shown_as}: {lacking}")
    return DONE if result["enough"] else WITH_FAILURES


def labels_of(session: Session, options: argparse.Namespace) -> tuple[str, list[LabelledText]]:
    """The name of the labels that the options name, and the labels."""
    from pipeline.labelling import labels_named
    from pipeline.session import reference_base

    named, labels = labels_named(session.store, options.labels, reference_base(session.settings, session.store))
    if named.warning:
        warn(named.warning)
    return named.name, labels


def ask_missing(
    session: Session, options: argparse.Namespace, shown: AnalyserShown, labels: list[LabelledText]
) -> None:
    """Ask the analyser about labelled texts that it was not asked about, if the person agrees."""
    from pipeline import evaluating, reanalysis

    batch = options.mode == "batch"
    plan = evaluating.missing(session, shown, labels, batch=batch)
    if plan is not None:
        confirm(options, f"{shown.shown_as}: {plan.words}")
        reanalysis.reanalyse(session, plan, batch=batch)
