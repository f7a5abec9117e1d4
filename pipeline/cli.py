# PYTHON_ARGCOMPLETE_OK
"""The command line: parses the arguments, runs a command of `commands/`, and reports errors.

Data goes to standard output, messages to standard error. Exit codes: 0 done, 1 done with failed records or checks,
2 settings or input, 3 stopped on the way, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from pipeline import __version__
from pipeline.commands import (
    accept,
    analysers,
    baseline,
    collect,
    compare,
    config,
    doctor,
    evaluate,
    expire,
    export,
    exporter,
    failed,
    forget,
    forwarder,
    init,
    label,
    reanalyse,
    report,
    run,
    sample,
    sandbox,
    sentinel,
    show,
    stage,
    topics,
)
from pipeline.commands.arguments import add_everywhere
from pipeline.commands.output import set_quiet, warn
from pipeline.errors import SettingsError, TransientError, VerbatimsError
from pipeline.signals import raise_interrupted
from pipeline.traces import trace_of

COMMANDS = (
    run,
    stage,
    collect,
    failed,
    show,
    report,
    export,
    analysers,
    label,
    evaluate,
    compare,
    reanalyse,
    accept,
    baseline,
    sentinel,
    topics,
    expire,
    forget,
    exporter,
    forwarder,
    doctor,
    config,
    init,
    sample,
    sandbox,
)
"""In the order of `--help`. A new command is a file in `commands/` and its name here."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and turn its errors into a message and an exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _show_what_the_terminal_can()
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # here, where an error of it can be caught: at exit it could not
    except BrokenPipeError:
        # the reader, such as `head`, has ended; without a place to write to Python would print a second error at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return TransientError.exit_code


def _show_what_the_terminal_can() -> None:
    """Show a ? for a character that an old terminal lacks, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run(arguments: list[str]) -> int:
    # before parsing, since errors of the parser are reported too
    debug = "--debug" in arguments
    try:
        options = _parse(arguments)
        set_quiet(options.quiet)
        options.again = shlex.join(arguments)
        raise_interrupted()
        return int(options.command(options))
    except BrokenPipeError:
        raise
    except VerbatimsError as error:
        return _report(error, debug)
    except OSError as error:
        return _report(
            TransientError(f"{error.strerror or type(error).__name__}: {error.filename or 'no file named'}"), debug
        )
    except Exception as error:
        # only its class: the message may quote a verbatim
        return _report(
            TransientError(f"unexpected {type(error).__name__}; the same command with --debug shows where"), debug
        )


def _parse(arguments: list[str]) -> argparse.Namespace:
    try:
        parser = _parser()
        _complete(parser)
        return parser.parse_args(arguments)
    except SettingsError:
        named = next((command for command in ("forget", "show") if command in arguments), None)
        if named is None:
            raise
        # argparse quotes what it cannot parse, and here that may be a person
        raise SettingsError(
            f"{named} takes SOURCE and EXTERNAL_ID, in quotes if they hold blanks, and -- before them if one begins "
            f"with a dash (see `verbatims {named} --help`)"
        ) from None


def _complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how a command line may go on, and end the process then."""
    if "_ARGCOMPLETE" in os.environ:  # no setting: only the shell's own function sets it
        import argcomplete

        argcomplete.autocomplete(parser)


def _report(error: VerbatimsError, debug: bool) -> int:
    # what is being handled: `error` may be made from it
    if debug:
        warn(trace_of(sys.exception()))
    warn(f"verbatims: {' '.join(str(error).split())}")  # a file name may contain a line break
    for line in getattr(error, "lines", ()):
        warn(f"  {line}")
    if error.go_on:
        warn(f"to go on: {error.go_on}")
    return error.exit_code


class _Parser(argparse.ArgumentParser):
    """Raises SettingsError, so that errors of the arguments look like all others."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message} (see `{self.prog} --help`)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="verbatims",
        description="Turns free-text customer feedback into rows an analyst can trust, one Claude call each. "
        "Settings come from the environment, secret files and .env; `verbatims init` writes one that explains all.",
        epilog="Exit codes: 0 done, 1 done with failed records or checks, 2 settings or input, 3 stopped on the way, "
        "130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"verbatims {__version__}")
    add_everywhere(parser, default=False)
    parsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(parsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
