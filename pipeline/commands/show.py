"""`verbatims show`: everything about one verbatim."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import Any

from pipeline.commands.arguments import add_command
from pipeline.commands.output import DONE, print_data, say
from pipeline.errors import SettingsError


def add_parser(parsers: Any) -> None:
    """Add the command's arguments."""
    command = add_command(
        parsers,
        "show",
        "show one verbatim: text, facts, requests, answers, costs, and the warehouse's row",
        run,
        examples=["verbatims show shop 4711", "verbatims show 0123456789abcdef0123456789abcdef --json"],
        settings=["STORE", "WAREHOUSE"],
    )
    command.add_argument("source", metavar="SOURCE", help="the warehouse's column source; or its verbatim_id alone")
    command.add_argument(
        "external_id",
        metavar="EXTERNAL_ID",
        nargs="?",
        help="its column external_id, or what the source calls it",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print what the store and the warehouse have, and change neither."""
    from pipeline.settings import load_settings
    from pipeline.store import peek_store
    from pipeline.verbatim_shown import as_data, find, in_words

    settings = load_settings()
    store = peek_store(settings.store)
    if store is None:
        raise SettingsError("STORE: there is no store yet; `verbatims run` makes one")
    with closing(store):
        first, *others = find(store, options.source, options.external_id)
    data = as_data(first, settings)
    if options.json:
        print_data(data)
    else:
        print("\n".join(in_words(data)))
    for other in others:
        say(f"also known by this name: `verbatims show {other.verbatim_id}`")
    return DONE
