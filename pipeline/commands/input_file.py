"""Options that select the input file and its columns."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import non_empty, positive
from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.source.files.file import File

COLUMNS = ("text", "id", "rating", "date", "language")


def add_input_options(command: Any) -> None:
    """Add the options of the input."""
    command.add_argument(
        "--input", type=non_empty, metavar="FILE", help="a .csv, .tsv, .jsonl or .ndjson file, or - for standard input"
    )
    for column in COLUMNS:
        command.add_argument(
            f"--{column}-column", type=non_empty, metavar="NAME", help=f"the file's column for the {column}"
        )
    command.add_argument("--limit", type=positive, metavar="N", help="read the first N records only")


def input_file(options: argparse.Namespace) -> File | None:
    """The selected file; None if the sources of the settings are read instead."""
    from pipeline.source.files.columns import Columns
    from pipeline.source.files.file import File

    names = {column: getattr(options, f"{column}_column") for column in COLUMNS}
    if options.input is None:
        # an error, since the option would be ignored without a word
        for column in (column for column, name in names.items() if name is not None):
            raise SettingsError(f"--{column}-column names a column of a file, and no --input FILE is given")
        return None
    return File(options.input, Columns(**names))
