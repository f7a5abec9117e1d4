"""Tells the user which command resumes stopped work."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import Interrupted, TransientError
from pipeline.program import next_command, program_name


@contextmanager
def going_on(options: argparse.Namespace) -> Iterator[None]:
    """Add the command that resumes the work to an error that stops it."""
    try:
        yield
    except (TransientError, Interrupted) as error:
        in_batches = getattr(options, "mode", "live") == "batch" and isinstance(error, Interrupted)
        error.go_on = next_command("collect" if in_batches else options.again)
        if "-" in (getattr(options, "input", None) or ()):  # it cannot be read twice, but what was read is in the store
            stages = " && ".join(f"{program_name()} {stage}" for stage in ("clean", "analyse", "load", "publish"))
            error.go_on = f"{stages}  # the rest of standard input was not read"
        raise
