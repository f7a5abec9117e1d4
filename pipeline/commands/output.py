"""Output of the commands: data on standard output, messages and bars on standard error, and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.progress import Progress
    from pipeline.settings import Settings

DONE, WITH_FAILURES = 0, 1
"""Exit codes of a command that ends without an error; `errors.py` has the others."""


_quiet = False


def set_quiet(quiet: bool) -> None:
    """From now on show only errors and warnings on standard error, or everything."""
    global _quiet
    _quiet = quiet


def say(line: str) -> None:
    """Print a message for the user on standard error, unless --quiet is given."""
    if not _quiet:
        warn(line)


def warn(line: str) -> None:
    """Print an error or a warning on standard error, in any case."""
    print(line, file=sys.stderr, flush=True)


def print_data(value: Any) -> None:
    """Print a value on standard output as one line of JSON."""
    # escaped where a letter would otherwise be lost
    escaped = not (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(value, ensure_ascii=escaped), flush=True)


def open_console() -> Console:
    """A console on standard error, which shows nothing if --quiet is given."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, quiet=_quiet)


def terminal_on(console: Console) -> Callable[[Settings], Progress]:
    """A factory of progress bars on this console, to be called with the settings; only of warnings with --quiet."""
    from pipeline.progress import Terminal, Warnings

    return lambda settings: Warnings(warn) if _quiet else Terminal(console, billed=not settings.sandbox)
