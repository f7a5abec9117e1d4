"""What a command says: data on standard output, words and bars on standard error, and its exit code."""

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


def say(line: str) -> None:
    """For a person, beside the data."""
    print(line, file=sys.stderr, flush=True)


def print_data(value: Any) -> None:
    """One JSON line, for a program."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def open_console() -> Console:
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def terminal_on(console: Console) -> Callable[[Settings], Terminal]:
    """Bars on the console, made once the settings are known."""
    from pipeline.progress import Terminal

    return lambda settings: Terminal(console, billed=not settings.sandbox)
