"""`verbatims accept`: makes an analyser's answers the current ones."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.commands.arguments import add_command, non_empty
from pipeline.commands.output import DONE, open_console, say, terminal_on, warn
from pipeline.commands.resuming import going_on
from pipeline.errors import InputError
from pipeline.program import next_command


def add_parser(parsers: Any) -> None:
    """Add the command's arguments."""
    command = add_command(
        parsers,
        "accept",
        "make an analyser's answers the current ones, and load the rows that change",
        run,
        examples=["verbatims accept settings", "verbatims accept second-prompt"],
        settings=["STORE", "WAREHOUSE"],
    )
    command.add_argument(
        "analyser", metavar="ANALYSER", type=non_empty, help="a name or fingerprint of `verbatims analysers`"
    )
    command.add_argument("--anyway", action="store_true", help="even where `compare` has said that it is worse")


def run(options: argparse.Namespace) -> int:
    """Move what is current, and load. Refuses an analyser whose last comparison says that it is worse."""
    from pipeline import reanalysis
    from pipeline.session import open_session

    with open_session(terminal_on(open_console())) as session, going_on(options):
        shown = reanalysis.resolve(session, options.analyser)
        if not shown.answers:
            raise InputError(f"{shown.shown_as}: it has answered nothing; `verbatims reanalyse` asks it")
        worse = session.store.evaluations.found_worse(shown.fingerprint)
        if worse is not None and not options.anyway:
            raise InputError(
                f"{shown.shown_as}: the comparison of {worse.compared_at[:10]} says that it is worse than "
                f"{worse.first[:12]}; a better prompt, or --anyway"
            )
        brought = reanalysis.accept(session, shown)
        asks_it = reanalysis.resolve(session, reanalysis.SETTINGS).series == shown.series
        others = sum(one.rows for one in session.store.analysers.all() if one.fingerprint != shown.fingerprint)
    say(f"{shown.shown_as} is accepted: {brought} rows brought")
    if others:
        ask_them = next_command(f"reanalyse --analyser {shown.shown_as}")
        warn(f"{others} rows keep the answer of another analyser: `{ask_them}` asks for theirs")
    if not asks_it:
        warn(
            f"the settings define another analyser: the next run asks {shown.shown_as} only if VERBATIMS_PROMPT, "
            "VERBATIMS_MODEL, VERBATIMS_THINKING and VERBATIMS_EFFORT say so"
        )
    return DONE
