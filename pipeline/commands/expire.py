"""`verbatims expire`: what is past its time is erased."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.commands.arguments import add_command, positive
from pipeline.commands.output import DONE, open_console, say, terminal_on
from pipeline.commands.resuming import going_on


def add_parser(parsers: Any) -> None:
    """Its options."""
    command = add_command(parsers, "expire", "erase texts, quotes, summaries and raw answers by age; counts stay", run)
    command.add_argument(
        "--days",
        type=positive,
        metavar="N",
        help="what was first seen more than N days ago goes (default: VERBATIMS_RETENTION_DAYS)",
    )


def run(options: argparse.Namespace) -> int:
    """What is past its time goes, as words; what is counted stays."""
    from pipeline import retention
    from pipeline.session import prepare

    with prepare(terminal_on(open_console())) as ready, going_on(options):
        before = retention.first_day_kept(options.days or ready.context.settings.retention_days)
        erased = retention.expire(ready.context, before)
    say(f"{erased} texts first seen before {before} are erased in store and warehouse; every count stays")
    return DONE
