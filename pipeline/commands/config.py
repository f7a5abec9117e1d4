"""`verbatims config`: shows the settings in force."""

from __future__ import annotations

import argparse
from dataclasses import astuple
from typing import Any

from pipeline.commands.arguments import add_command
from pipeline.commands.output import DONE, print_data


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "config",
        "show every setting in force and where it is from; secrets hidden",
        run,
        examples=["verbatims config", "verbatims config --json"],
    )
    command.add_argument("--json", action="store_true", help="print each setting as a JSON object")


def run(options: argparse.Namespace) -> int:
    """Print each setting as a line."""
    from pipeline.settings_shown import show_settings

    shown = show_settings()
    if options.json:
        for one in shown:
            print_data({"name": one.name, "value": one.value, "from": one.origin})
    else:
        rows = [("name", "value", "from"), *map(astuple, shown)]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        for name, value, origin in rows:
            print(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")
    return DONE
