"""`verbatims expire`: erases texts older than the retention."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.commands.arguments import add_command, positive
from pipeline.commands.output import DONE, open_console, say, terminal_on
from pipeline.commands.resuming import going_on


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "expire",
        "erase texts, quotes, summaries and raw answers by age; counts stay",
        run,
        examples=["verbatims expire", "verbatims expire --days 30"],
        settings=["VERBATIMS_RETENTION_DAYS", "STORE", "WAREHOUSE"],
    )
    command.add_argument(
        "--days",
        type=positive,
        metavar="N",
        help="what was first seen more than N days ago goes (default: VERBATIMS_RETENTION_DAYS)",
    )


def run(options: argparse.Namespace) -> int:
    """Erase old texts in store and warehouse, and keep all counts."""
    from pipeline import retention
    from pipeline.session import open_session

    with open_session(terminal_on(open_console())) as session, going_on(options):
        before = retention.first_day_kept(options.days or session.settings.retention_days)
        erased = retention.expire(session, before)
    say(f"{erased} texts first seen before {before} are erased in store and warehouse; every count stays")
    return DONE
