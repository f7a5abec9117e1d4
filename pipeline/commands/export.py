"""`verbatims export`: the warehouse's rows as a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import IO, Any

from pipeline.commands.arguments import add_command, day, non_empty
from pipeline.commands.output import DONE, say
from pipeline.errors import SettingsError

FORMATS = ("csv", "jsonl", "parquet")


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "export",
        "write the warehouse's rows as CSV, JSON Lines or Parquet",
        run,
        examples=[
            "verbatims export --output rows.csv",
            "verbatims export --output rows.parquet --source shop --since 2026-01-01",
            "verbatims export --format jsonl | head",
        ],
        settings=["WAREHOUSE", "STORE"],
    )
    command.add_argument(
        "--format",
        choices=FORMATS,
        help="default: the ending of FILE, else csv. CSV is UTF-8 and holds lists as JSON; a text that begins with "
        "= + - @ stands behind an apostrophe there, so that no spreadsheet calculates it: the others hold it unchanged",
    )
    command.add_argument(
        "--output",
        type=non_empty,
        default="-",
        metavar="FILE",
        help="written whole or not at all; one that is there is replaced (default: -, standard output)",
    )
    command.add_argument("--run", type=non_empty, metavar="ID", help="rows of verbatims that this run analysed first")
    command.add_argument("--source", type=non_empty, metavar="NAME", help="rows of this source")
    command.add_argument("--since", type=day, metavar="DAY", help="rows of verbatims first seen on this day or later")


def run(options: argparse.Namespace) -> int:
    """Write the selected rows; the warehouse stays as it is."""
    from pipeline.export import Wanted, pages, require
    from pipeline.peek import peek_warehouse
    from pipeline.settings import load_settings
    from pipeline.whole_file import whole_file

    format = _format(options)
    require(format)
    settings = load_settings()
    wanted = Wanted(options.run, options.source, options.since)
    with peek_warehouse(settings) as rows:
        found = pages(rows, wanted)
        if options.output == "-":
            written = _write(format, found, sys.stdout.buffer, to_file=False)
        else:
            with whole_file(Path(options.output), "--output") as file:
                written = _write(format, found, file, to_file=True)
        say(f"{written} rows of {rows.name}")
    return DONE


def _write(format: str, found: Any, target: IO[bytes], *, to_file: bool) -> int:
    from pipeline.export import WRITERS

    return WRITERS[format](found, target, to_file=to_file)


def _format(options: argparse.Namespace) -> str:
    """Raises SettingsError where it cannot be guessed, or would garble a terminal."""
    ending = Path(options.output).suffix.lower().removeprefix(".")
    if options.format is None and options.output != "-" and ending not in FORMATS:
        raise SettingsError(f"--output: {options.output} ends in no known format; add --format {' or '.join(FORMATS)}")
    format: str = options.format or ending or FORMATS[0]
    if format == "parquet" and options.output == "-" and sys.stdout.isatty():
        raise SettingsError("--format parquet is not for a terminal: add --output FILE, or | and a program")
    return format
