"""Options that select the input file and its columns."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import non_empty, positive
from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.source.source import Source

COLUMNS = ("text", "id", "rating", "date", "language", "url")
READING = ("source", "date_format", "rating_scale")


def add_input_options(command: Any) -> None:
    """Add the options of the input."""
    command.add_argument(
        "--input",
        type=non_empty,
        nargs="+",
        metavar="FILE",
        help="files or a folder of them: CSV, TSV, JSON, JSON Lines, Excel, text, also .gz; or - for standard input",
    )
    command.add_argument(
        "--source", type=non_empty, metavar="NAME", help="the source of all records, a label of charts"
    )
    for column in COLUMNS:
        command.add_argument(
            f"--{column}-column", type=non_empty, metavar="NAME", help=f"the file's column for the {column}"
        )
    command.add_argument(
        "--date-format", type=non_empty, metavar="FORMAT", help="how dates are written, such as %%d/%%m/%%Y %%H:%%M"
    )
    command.add_argument("--rating-scale", type=positive, metavar="N", help="the best rating, such as 10")
    command.add_argument("--limit", type=positive, metavar="N", help="read the first N records only")


def input_file(options: argparse.Namespace) -> Source | None:
    """What the options select; None if the sources of the settings are read instead."""
    from pipeline.source.files.columns import Columns
    from pipeline.source.files.file import ReadOptions
    from pipeline.source.files.several import open_files

    names = {column: getattr(options, f"{column}_column") for column in COLUMNS}
    reading = {name: getattr(options, name) for name in READING}
    if options.input is None:
        # an error, since the option would be ignored without a word
        for column in (column for column, name in names.items() if name is not None):
            raise SettingsError(f"--{column}-column names a column of a file, and no --input FILE is given")
        for name in (name for name, value in reading.items() if value is not None):
            raise SettingsError(f"--{name.replace('_', '-')} says how a file is read, and no --input FILE is given")
        return None
    return open_files(options.input, ReadOptions(Columns(**names), **reading))
