"""`verbatims baseline accept`: from now on nights are also compared with the last four weeks."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.commands.arguments import add_command
from pipeline.commands.output import DONE, open_console, say, terminal_on


def add_parser(parsers: Any) -> None:
    """Add the command's arguments."""
    command = add_command(
        parsers,
        "baseline",
        "accept the last 28 nights; from then on, every 28 nights are compared with them once",
        run,
        examples=["verbatims baseline accept"],
        settings=["STORE"],
    )
    command.add_argument(
        "action", choices=("accept",), help="accept the last 28 nights of the analyser of the settings"
    )


def run(options: argparse.Namespace) -> int:
    """Keep which nights they are."""
    from pipeline.session import analyser_of, open_session
    from pipeline.watching import accept_baseline

    with open_session(terminal_on(open_console())) as session:
        accepted = accept_baseline(session.store, analyser_of(session.settings, session.store).record)
    say(f"accepted: the nights from {accepted.first_day} to {accepted.last_day}; the first comparison is after 28 more")
    return DONE
