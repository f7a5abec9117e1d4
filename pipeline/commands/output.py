"""Output of the commands: data on standard output, messages and bars on standard error, and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.progress import Terminal
    from pipeline.settings import Settings

DONE, WITH_FAILURES = 0, 1
"""Exit codes of a command that ends without an error; `errors.py` has the others."""


def say(line: str) -> None:
    """Print a message for the user on standard error."""
    print(line, file=sys.stderr, flush=True)


def print_data(value: Any) -> None:
    """Print a value on standard output as one line of JSON."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def open_console() -> Console:
    """A console on standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def terminal_on(console: Console) -> Callable[[Settings], Terminal]:
    """A factory of progress bars on this console, to be called with the settings."""
    from pipeline.progress import Terminal

    return lambda settings: Terminal(console, billed=not settings.sandbox)
