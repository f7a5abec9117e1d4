"""The command line: each command parses, calls one function, prints the result.

Data on standard output, words on standard error, and an exit code that tells the truth: 0 done, 1 done with
failed records, 2 settings or input, 3 stopped on the way, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline import __version__
from pipeline.errors import Interrupted, SettingsError, Stopped, VerbatimsError
from pipeline.signals import raise_interrupted
from pipeline.words import called

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.progress import Terminal
    from pipeline.settings import Settings
    from pipeline.source import File

DONE, WITH_FAILURES = 0, 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. The only broad `except` of the project stands here."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        options = _parser().parse_args(arguments)
        options.again = shlex.join([called(), *arguments])
        raise_interrupted()
        return int(options.command(options))
    except BrokenPipeError:
        # whoever read our output has left: nothing more to say, and no trace either
        sys.stderr.close()
        return Stopped.exit_code
    except VerbatimsError as error:
        return _say(error, debug)
    except OSError as error:
        return _say(Stopped(f"{error.strerror or type(error).__name__}: {error.filename or 'no file named'}"), debug)
    except Exception as error:
        # its message may quote a verbatim, so only its kind is shown
        return _say(Stopped(f"unexpected {type(error).__name__}; the same command with --debug shows where"), debug)


def _say(error: VerbatimsError, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    _words(f"verbatims: {' '.join(str(error).split())}")  # a name may hold a line break
    if error.go_on:
        _words(f"to go on: {error.go_on}")
    return error.exit_code


@contextmanager
def _going_on(options: argparse.Namespace) -> Iterator[None]:
    """Work that a stop leaves half done says by which command it goes on."""
    try:
        yield
    except (Stopped, Interrupted) as error:
        error.go_on = options.again
        if getattr(options, "input", None) == "-":  # cannot be read twice, but what was read is in the store
            stages = " && ".join(f"{called()} {stage}" for stage in ("clean", "analyse", "load"))
            error.go_on = f"{stages}  # the rest of standard input was not read"
        raise


def _run(options: argparse.Namespace) -> int:
    from pipeline import summary
    from pipeline.ready import prepare
    from pipeline.run import run

    if options.dry_run:
        return _dry_run(options)
    console = _console()
    with (
        prepare(_terminal(console), reads=True, asks=True, file=_file(options)) as ready,
        _going_on(options),
    ):
        summary.announce(console, ready.context, ready.source)
        result = run(ready.context, ready.records, ready.source.name if ready.source else "", options.limit)
        summary.name_places(console, ready.context, result.run_id)
        if options.json:
            _data(summary.as_json(result, ready.context.settings))
        else:
            summary.show(console, ready.context, result)
    return WITH_FAILURES if result.counts.failed or result.counts.load_refused else DONE


def _dry_run(options: argparse.Namespace) -> int:
    from pipeline.dry_run import estimate
    from pipeline.ready import prepare_dry
    from pipeline.run import price_of, prompt_of
    from pipeline.summary import about_to_read

    with prepare_dry(_file(options)) as (settings, source, store):
        for line in about_to_read(source):
            _words(line)
        found = estimate(source.reviews(), store, prompt_of(settings), price_of(settings), options.limit)
    if options.json:
        _data(asdict(found))
    else:
        _words(
            f"dry run: {found.scraped} records, {sum(found.skipped.values())} skipped, {found.known} known, "
            f"{found.failed} unreadable; {found.would_ask} texts would be asked, about "
            f"${found.estimated_cost_usd:.4f}{' (sandbox, not billed)' if settings.sandbox else ''}; "
            "nothing was sent or written"
        )
    return DONE


def _stage(options: argparse.Namespace) -> int:
    """One stage over one run: a new one for scrape, else the one named or the latest."""
    from pipeline import run as stages
    from pipeline import summary
    from pipeline.ready import prepare
    from pipeline.store import count_run

    reads, asks = options.name == "scrape", options.name == "analyse"
    console, file = _console(), _file(options) if reads else None
    with prepare(_terminal(console), reads=reads, asks=asks, file=file) as ready, _going_on(options):
        context, source = ready.context, ready.source
        run_id = stages.begin(context, source.name) if source else context.store.run(options.run)
        summary.announce(console, context, source)
        if reads:
            stages.scrape(context, run_id, ready.records, options.limit)
        else:
            {"clean": stages.clean, "analyse": stages.analyse, "load": stages.load}[options.name](context, run_id)
        counts = count_run(context.store.database, run_id)
    if options.json:
        _data({"run_id": run_id, **asdict(counts)})
    elif reads:
        print(run_id, flush=True)
    # behind analyse and load, what is still pending has failed and comes again with the next run
    pending = counts.pending if options.name in ("analyse", "load") else 0
    return WITH_FAILURES if counts.failed or counts.load_refused or pending else DONE


def _file(options: argparse.Namespace) -> File | None:
    from pipeline.source import Columns, File

    if not options.input:
        return None
    names = {column: getattr(options, f"{column}_column") for column in ("text", "id", "rating", "date", "language")}
    return File(options.input, Columns(**names))


def _console() -> Console:
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _terminal(console: Console) -> Callable[[Settings], Terminal]:
    from pipeline.progress import Terminal

    return lambda settings: Terminal(console, billed=not settings.sandbox)


def _failed(options: argparse.Namespace) -> int:
    from pipeline.settings import load
    from pipeline.store import failures, peek_store

    store = peek_store(load().store)
    if store is None:
        raise SettingsError("STORE: there is no store yet; `verbatims run` makes one")
    with closing(store):
        run_id = store.run(options.run)
        found = failures(store.database, run_id)
    for failure in found:
        _data(asdict(failure))
    _words(f"{len(found)} failed records in run {run_id}")
    return WITH_FAILURES if found else DONE


def _expire(options: argparse.Namespace) -> int:
    from pipeline.ready import prepare
    from pipeline.retention import expire, first_day_kept

    with prepare(_terminal(_console())) as ready, _going_on(options):
        before = first_day_kept(options.days or ready.context.settings.retention_days)
        erased = expire(ready.context, before)
    _words(f"{erased} texts first seen before {before} are erased in store and warehouse; every count stays")
    return DONE


def _forget(options: argparse.Namespace) -> int:
    from pipeline.ready import prepare
    from pipeline.retention import forget

    with prepare(_terminal(_console())) as ready, _going_on(options):
        fresh = forget(ready.context, options.source, options.external_id)
    said = "forgotten: erased in store and warehouse" if fresh else "it was forgotten already"
    _words(f"{said}; scraping it again does not bring it back, and every count stays")
    return DONE


def _exporter(options: argparse.Namespace) -> int:
    from pipeline.exporter import serve
    from pipeline.settings import load
    from pipeline.store import StoreTotals, open_store

    store = open_store(load().store)
    try:
        serve(
            StoreTotals(store.database),
            options.host,
            options.port,
            listening=lambda address: _words(f"exporter on {address}: totals of {store.database.name}"),
        )
    finally:
        store.close()
    return DONE


def _forwarder(options: argparse.Namespace) -> int:
    from pipeline.forwarder import serve
    from pipeline.settings import load

    gateway = load().pushgateway_url
    serve(
        gateway,
        options.host,
        options.port,
        listening=lambda address: _words(f"forwarder on {address}: to the Pushgateway at {gateway}"),
    )
    return DONE


def _doctor(options: argparse.Namespace) -> int:
    from pipeline.doctor import examine
    from pipeline.settings import load

    findings = list(examine(load()))
    for finding in findings:
        if options.json:
            _data(asdict(finding))
        else:
            _words(f"{'fine ' if finding.fine else 'WRONG'}  {finding.name:<12} {finding.said}")
    return DONE if all(finding.fine for finding in findings) else WITH_FAILURES


def _sandbox(options: argparse.Namespace) -> int:
    from pipeline.sandbox import serve
    from pipeline.sandbox.faults import parse

    faults = parse(options.faults)
    serve(options.host, options.port, options.latency, faults, options.seed, options.billed)
    return DONE


class _Parser(argparse.ArgumentParser):
    """Errors as one line, like all others."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message} (see `{self.prog} --help`)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="verbatims",
        description="Turns free-text customer feedback into rows an analyst can trust, one Claude call each. "
        "Settings come from the environment and .env: see .env.example.",
        epilog="Exit codes: 0 done, 1 done with failed records, 2 settings or input, 3 stopped on the way, "
        "130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"verbatims {__version__}")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _run_command(commands)
    for name, help_text in STAGES.items():
        _stage_command(commands, name, help_text)
    _erasing_commands(commands)
    _service_commands(commands)
    return parser


STAGES = {
    "scrape": "read a source into the store, masked; prints the new run's id",
    "clean": "decide which verbatims of a run are worth a call",
    "analyse": "ask Claude about a run's verbatims that nobody has asked yet",
    "load": "bring a run's analysed verbatims into the warehouse",
}


def _command(commands: Any, name: str, help_text: str, call: Callable[[argparse.Namespace], int]) -> Any:
    command = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
    command.add_argument("--debug", action="store_true", help="show a trace with an error")
    command.set_defaults(command=call, name=name)
    return command


def _run_command(commands: Any) -> None:
    command = _command(commands, "run", "scrape, clean, analyse, load: the whole journey", _run)
    _source_options(command)
    command.add_argument("--json", action="store_true", help="print the result as one JSON object")
    command.add_argument("--dry-run", action="store_true", help="only count, and estimate the cost; no call, no write")


def _stage_command(commands: Any, name: str, help_text: str) -> None:
    command = _command(commands, name, help_text, _stage)
    command.add_argument("--json", action="store_true", help="print the run's counts as one JSON object")
    if name == "scrape":
        _source_options(command)
        command.set_defaults(run=None)
    else:
        command.add_argument("--run", metavar="ID", help="which run (default: the latest)")


def _source_options(command: Any) -> None:
    command.add_argument(
        "--input", metavar="FILE", help="a .csv, .tsv, .jsonl or .ndjson file, or - for standard input"
    )
    for column in ("text", "id", "rating", "date", "language"):
        command.add_argument(f"--{column}-column", metavar="NAME", help=f"the file's column for the {column}")
    command.add_argument("--limit", type=_positive, metavar="N", help="read the first N records only")


def _erasing_commands(commands: Any) -> None:
    command = _command(
        commands, "expire", "erase texts, quotes, summaries and raw answers by age; counts stay", _expire
    )
    command.add_argument(
        "--days",
        type=_positive,
        metavar="N",
        help="what was first seen more than N days ago goes (default: VERBATIMS_RETENTION_DAYS)",
    )
    command = _command(commands, "forget", "erase one verbatim at once and never take it in again", _forget)
    command.add_argument("source", metavar="SOURCE", help="the warehouse's column source")
    command.add_argument("external_id", metavar="EXTERNAL_ID", help="its column external_id: what the source calls it")


def _service_commands(commands: Any) -> None:
    command = _command(commands, "failed", "list a run's failed records as JSON lines, without their texts", _failed)
    command.add_argument("--run", metavar="ID", help="which run (default: the latest)")
    command = _command(commands, "exporter", "serve the ten metrics as totals of the store, for Prometheus", _exporter)
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=8000, help="port to listen on (default: %(default)s)")
    command = _command(
        commands, "forwarder", "take batch metrics by OTLP/HTTP and push them to the Pushgateway", _forwarder
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=_port, default=4319, help="port to listen on (default: %(default)s)")
    command = _command(
        commands, "doctor", "look at all that a run leans on: what is fine, what is wrong, what to do", _doctor
    )
    command.add_argument("--json", action="store_true", help="print each finding as a JSON object")
    command = _command(commands, "sandbox", "serve a review site and a stand-in for Claude's API on loopback", _sandbox)
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
        "error, timeout",
    )
    command.add_argument("--seed", type=int, default=7, help="which answers go wrong (default: %(default)s)")
    command.add_argument("--billed", type=Path, metavar="FILE", help="append a JSON line per answer given")


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


def _words(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _data(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    sys.exit(main())
