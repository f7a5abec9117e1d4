"""`verbatims forget`: erases one verbatim for good."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.commands.arguments import add_command
from pipeline.commands.output import DONE, open_console, say, terminal_on
from pipeline.commands.resuming import going_on


def add_parser(parsers: Any) -> None:
    """Add the command's arguments."""
    command = add_command(
        parsers,
        "forget",
        "erase one verbatim at once and never take it in again",
        run,
        examples=["verbatims forget shop 4711", "verbatims forget -- shop -4711"],
        settings=["STORE", "WAREHOUSE"],
    )
    command.add_argument("source", metavar="SOURCE", help="the warehouse's column source")
    command.add_argument("external_id", metavar="EXTERNAL_ID", help="its column external_id: what the source calls it")


def run(options: argparse.Namespace) -> int:
    """Erase one verbatim in store and warehouse, and never accept it again."""
    from pipeline import retention
    from pipeline.session import open_session

    options.again = "forget SOURCE EXTERNAL_ID"  # not the id: it may be a person's
    with open_session(terminal_on(open_console())) as session, going_on(options):
        done = retention.forget(session, options.source, options.external_id)
    said = "forgotten: erased in store and warehouse" if done.fresh else "it was forgotten already"
    say(f"{said}; scraping it again does not bring it back, and every count stays")
    if done.copies:
        say(f"also forgotten: {done.copies} with the same text under other ids of this source")
    if done.others:
        say(f"kept: {done.others} with the same few words under other ids, since other people say them too")
    return DONE
