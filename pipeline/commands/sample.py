"""`verbatims sample`: a small file to try at once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from pipeline.commands.arguments import add_command
from pipeline.commands.output import DONE


def add_parser(parsers: Any) -> None:
    """Add the command."""
    add_command(
        parsers,
        "sample",
        "print twenty invented reviews in French and English as CSV, to try a file with",
        run,
        examples=["verbatims sample > reviews.csv && verbatims run --input reviews.csv"],
    )


def run(_options: argparse.Namespace) -> int:
    """Print the file as it is, in UTF-8 whatever the terminal."""
    import pipeline

    sys.stdout.buffer.write((Path(pipeline.__file__).parent / "sample.csv").read_bytes())
    return DONE
