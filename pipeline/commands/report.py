"""`verbatims report`: the results of a run, as a page for people or as JSON."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_command, non_empty
from pipeline.commands.output import DONE, print_data, say
from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings import Settings
    from pipeline.store import Store

LANGUAGES = ("en", "fr")


def add_parser(parsers: Any) -> None:
    """Add the command's arguments."""
    command = add_command(
        parsers,
        "report",
        "write the results of a run as one HTML file that needs no network",
        run,
        examples=["verbatims report --open", "verbatims report day-2026-01-31 --lang fr", "verbatims report --json"],
        settings=["STORE", "VERBATIMS_REPORT_LANGUAGE", "VERBATIMS_GRAFANA_URL"],
    )
    command.add_argument("run", metavar="RUN", nargs="?", type=non_empty, help="which run (default: the latest)")
    add_language(command)
    command.add_argument("--open", action="store_true", help="show it in the browser")
    command.add_argument(
        "--json", action="store_true", help="print the same facts as one JSON object, and write nothing"
    )


def add_language(command: Any) -> None:
    """Add the option that decides in which language a report is written."""
    command.add_argument("--lang", choices=LANGUAGES, help="its language (default: VERBATIMS_REPORT_LANGUAGE)")


def run(options: argparse.Namespace) -> int:
    """Write the report, and print where it is."""
    from pipeline.settings import load_settings
    from pipeline.store import peek_store

    settings = load_settings(asks=False)
    store = peek_store(settings.store)
    if store is None:
        raise SettingsError("STORE: there is no store yet; `verbatims run` makes one")
    with closing(store):
        run_id = store.runs.find(options.run, "RUN")
        if options.json:
            from pipeline.report.facts import as_data, facts_of

            print_data(as_data(facts_of(store, run_id)))
            return DONE
        path = written(store, settings, run_id, options.lang)
    print(path, flush=True)
    if options.open:
        _show(path)
    return DONE


def written(store: Store, settings: Settings, run_id: str, language: str | None) -> Path:
    """Write the report of a run in this language, or in that of the settings; returns its file."""
    from pipeline.report.drawing import require
    from pipeline.report.words import Language
    from pipeline.report.writing import write_report

    require()
    return write_report(store, settings, run_id, Language(language) if language else None)


def _show(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.absolute().as_uri()):
        say("no browser was found; open the file above in one")
