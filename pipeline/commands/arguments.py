"""Parsers of the commands: shared options, and types that check their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any


def add_command(
    parsers: Any,
    name: str,
    help_text: str,
    run: Callable[[argparse.Namespace], int],
    examples: Sequence[str],
    settings: Sequence[str] = (),
) -> Any:
    """Add the parser of one command, which calls `run`. Its help ends with examples and the settings that matter."""
    command = parsers.add_parser(
        name,
        help=help_text,
        description=help_text[0].upper() + help_text[1:] + ".",
        epilog=_epilog(examples, settings),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # suppressed: the default must not undo what stands before the command
    add_everywhere(command, default=argparse.SUPPRESS)
    command.set_defaults(command=run, name=name)
    return command


def add_everywhere(parser: argparse.ArgumentParser, default: Any) -> None:
    """Add the options that may stand before and after the command."""
    parser.add_argument("--debug", action="store_true", default=default, help="show a trace with an error")
    parser.add_argument("--quiet", action="store_true", default=default, help="show errors and warnings only, and data")


def _epilog(examples: Sequence[str], settings: Sequence[str]) -> str:
    lines = ["examples:", *(f"  {example}" for example in examples)]
    if settings:
        lines += ["", "settings, from the environment or .env:", *(f"  {name}" for name in settings)]
    return "\n".join(lines)


def add_address(command: Any, port: int) -> None:
    """Add the options of the address on which a command listens."""
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=port_number, default=port, help="port to listen on (default: %(default)s)")


def add_run_id(command: Any) -> None:
    """Add the option that selects a run."""
    command.add_argument("--run", metavar="ID", help="which run (default: the latest)")


def non_empty(text: str) -> str:
    """Parse a name of a file or column, which must not be blank."""
    if not text.strip():
        raise argparse.ArgumentTypeError("a name is needed, not an empty one")
    return text


def positive(text: str) -> int:
    """Parse a whole number above zero."""
    # nine digits fit into the integers of every database
    if not (text.isdecimal() and len(text) < 10 and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 999999999")
    return int(text)


def usd(text: str) -> float:
    """Parse an amount of US dollars above zero."""
    try:
        value = float(text.removeprefix("$"))
    except ValueError:
        value = -1.0
    if not 0 < value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount in US dollars, such as 5.00")
    return value


def day(text: str) -> date:
    """Parse a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-01-31") from None


def add_budget(command: Any) -> None:
    """Add the option of what a run may spend."""
    command.add_argument(
        "--budget",
        type=usd,
        metavar="USD",
        help="what the run may spend, such as 5.00: no call leaves that could exceed it (default: no limit)",
    )


def add_mode(command: Any) -> None:
    """Add the option of how Claude is asked."""
    command.add_argument(
        "--mode",
        choices=("live", "batch"),
        default="live",
        help="live: at once; batch: in Message Batches, at half the price, within 24 h (default: %(default)s)",
    )


def add_retry_failed(command: Any) -> None:
    """Add the option that asks again about what has failed for good."""
    command.add_argument(
        "--retry-failed",
        action="store_true",
        help="also ask again about verbatims that have failed for good, where another answer is possible: the model or "
        "another setting of the request has changed, or the answer was unreadable, empty or an error",
    )


def port_number(text: str) -> int:
    """Parse a port; 0 means any free one."""
    if not (text.isdecimal() and len(text) < 6 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def seconds(text: str) -> float:
    """Parse a number of seconds, up to ten minutes."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds (0 to 600)")
    return value
