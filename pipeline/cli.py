"""The command line: which commands and options there are; `commands.py` says what each does.

Data on standard output, words on standard error, and an exit code that tells the truth: 0 done, 1 done with
failed records or checks, 2 settings or input, 3 stopped on the way, 130 interrupted.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipeline import __version__, commands
from pipeline.commands import say
from pipeline.errors import SettingsError, TransientError, VerbatimsError
from pipeline.program import program_name
from pipeline.records import Stage
from pipeline.signals import raise_interrupted


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. The only broad `except` of the project stands here."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        options = _parser().parse_args(arguments)
        options.again = shlex.join([program_name(), *arguments])
        raise_interrupted()
        return int(options.command(options))
    except BrokenPipeError:
        # whoever read our output has left: nothing more to say, and no trace either
        sys.stderr.close()
        return TransientError.exit_code
    except VerbatimsError as error:
        return _say(error, debug)
    except OSError as error:
        return _say(
            TransientError(f"{error.strerror or type(error).__name__}: {error.filename or 'no file named'}"), debug
        )
    except Exception as error:
        # its message may quote a verbatim, so only its kind is shown
        return _say(
            TransientError(f"unexpected {type(error).__name__}; the same command with --debug shows where"), debug
        )


def _say(error: VerbatimsError, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    say(f"verbatims: {' '.join(str(error).split())}")  # a name may hold a line break
    if error.go_on:
        say(f"to go on: {error.go_on}")
    return error.exit_code


class _Parser(argparse.ArgumentParser):
    """Errors as one line, like all others."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message} (see `{self.prog} --help`)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="verbatims",
        description="Turns free-text customer feedback into rows an analyst can trust, one Claude call each. "
        "Settings come from the environment and .env: see .env.example.",
        epilog="Exit codes: 0 done, 1 done with failed records or checks, 2 settings or input, 3 stopped on the way, "
        "130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"verbatims {__version__}")
    parser.set_defaults(debug=False)
    parsers = parser.add_subparsers(metavar="COMMAND", required=True)
    _run_command(parsers)
    for name, help_text in STAGES.items():
        _stage_command(parsers, name.value, help_text)
    _erasing_commands(parsers)
    _service_commands(parsers)
    return parser


STAGES = {
    Stage.SCRAPE: "read a source into the store, masked; prints the new run's id",
    Stage.CLEAN: "decide which verbatims of a run are worth a call",
    Stage.ANALYSE: "ask Claude about a run's verbatims that nobody has asked yet",
    Stage.LOAD: "bring a run's analysed verbatims into the warehouse",
    Stage.PUBLISH: "check what the warehouse holds, and say that a run's rows may be relied on",
}


def _command(parsers: Any, name: str, help_text: str, call: Callable[[argparse.Namespace], int]) -> Any:
    command = parsers.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
    command.add_argument("--debug", action="store_true", help="show a trace with an error")
    command.set_defaults(command=call, name=name)
    return command


def _run_command(parsers: Any) -> None:
    command = _command(parsers, "run", "scrape, clean, analyse, load, publish: the whole journey", commands.run)
    _source_options(command)
    command.add_argument("--json", action="store_true", help="print the result as one JSON object")
    command.add_argument("--dry-run", action="store_true", help="only count, and estimate the cost; no call, no write")


def _stage_command(parsers: Any, name: str, help_text: str) -> None:
    command = _command(parsers, name, help_text, commands.stage)
    command.add_argument("--json", action="store_true", help="print the run's counts as one JSON object")
    if name == "scrape":
        _source_options(command)
        command.set_defaults(run=None)
    else:
        command.add_argument("--run", metavar="ID", help="which run (default: the latest)")


def _source_options(command: Any) -> None:
    command.add_argument(
        "--input", type=_name, metavar="FILE", help="a .csv, .tsv, .jsonl or .ndjson file, or - for standard input"
    )
    for column in ("text", "id", "rating", "date", "language"):
        command.add_argument(
            f"--{column}-column", type=_name, metavar="NAME", help=f"the file's column for the {column}"
        )
    command.add_argument("--limit", type=_positive, metavar="N", help="read the first N records only")


def _erasing_commands(parsers: Any) -> None:
    command = _command(
        parsers, "expire", "erase texts, quotes, summaries and raw answers by age; counts stay", commands.expire
    )
    command.add_argument(
        "--days",
        type=_positive,
        metavar="N",
        help="what was first seen more than N days ago goes (default: VERBATIMS_RETENTION_DAYS)",
    )
    command = _command(parsers, "forget", "erase one verbatim at once and never take it in again", commands.forget)
    command.add_argument("source", metavar="SOURCE", help="the warehouse's column source")
    command.add_argument("external_id", metavar="EXTERNAL_ID", help="its column external_id: what the source calls it")


def _service_commands(parsers: Any) -> None:
    command = _command(
        parsers, "failed", "list a run's failed records as JSON lines, without their texts", commands.failed
    )
    command.add_argument("--run", metavar="ID", help="which run (default: the latest)")
    command = _command(
        parsers, "exporter", "serve the ten metrics as totals of the store, for Prometheus", commands.exporter
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=8000, help="port to listen on (default: %(default)s)")
    command = _command(
        parsers, "forwarder", "take batch metrics by OTLP/HTTP and push them to the Pushgateway", commands.forwarder
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=4319, help="port to listen on (default: %(default)s)")
    command = _command(
        parsers, "doctor", "look at all that a run leans on: what is fine, what is wrong, what to do", commands.doctor
    )
    command.add_argument("--json", action="store_true", help="print each finding as a JSON object")
    command = _command(
        parsers,
        "sandbox",
        "serve a review site, a feed, and stand-ins for Claude's and BigQuery's APIs on loopback",
        commands.sandbox,
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=9100, help="port to listen on (default: %(default)s)")
    command.add_argument(
        "--latency", type=_seconds, default=0.05, metavar="S", help="seconds per answer (default: %(default)s)"
    )
    command.add_argument(
        "--faults",
        default="",
        metavar="KIND=SHARE,…",
        help="share of answers that go wrong: unreadable, empty, truncated, refused, rate_limited, overloaded, "
        "error, timeout; and of loads into BigQuery: row_refused, unavailable",
    )
    command.add_argument("--seed", type=int, default=7, help="which answers go wrong (default: %(default)s)")
    command.add_argument("--billed", type=Path, metavar="FILE", help="append a JSON line per answer given")
    command.add_argument(
        "--tables",
        type=Path,
        default=Path("var/bigquery-sandbox.db"),
        metavar="FILE",
        help="where BigQuery's tables are kept (default: %(default)s)",
    )
    command.add_argument(
        "--published", type=_positive, metavar="N", help="only the oldest N reviews are there yet (default: all)"
    )


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("a name is needed, not an empty one")
    return text


def _positive(text: str) -> int:
    if not (text.isdecimal() and len(text) < 10 and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 999999999")
    return int(text)


def _port(text: str) -> int:
    if not (text.isdecimal() and len(text) < 6 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds (0 to 600)")
    return value


if __name__ == "__main__":
    sys.exit(main())
