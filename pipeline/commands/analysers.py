"""`verbatims analysers`: lists who has answered, and gives names."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_command, non_empty
from pipeline.commands.output import DONE, print_data, say
from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.store import AnalyserShown


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "analysers",
        "list the analysers that have answered: model, prompt, topics, thinking, rows; or give one a name",
        run,
        examples=[
            "verbatims analysers",
            "verbatims analysers --name 3f2a9c01 second-prompt",
            "verbatims analysers --json",
        ],
        settings=["STORE"],
    )
    command.add_argument(
        "--name",
        dest="naming",
        nargs=2,
        type=non_empty,
        metavar=("ANALYSER", "NAME"),
        help="give this analyser this name",
    )
    command.add_argument("--json", action="store_true", help="print the list as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the list."""
    from pipeline.settings import load_settings
    from pipeline.store import open_store, peek_store

    settings = load_settings(asks=False)
    if peek_store(settings.store) is None:
        raise SettingsError("STORE: there is no store yet; `verbatims run` makes one")
    with closing(open_store(settings.store)) as store:
        if options.naming:
            word, name = options.naming
            store.analysers.set_name(store.analysers.find(word).fingerprint, name)
        found = store.analysers.all()
    shown = [_row(one) for one in found]
    if options.json:
        print_data({"analysers": shown})
    elif not shown:
        say("nobody has answered yet; `verbatims run` begins")
    else:
        _table(shown)
    return DONE


def _row(one: AnalyserShown) -> dict[str, Any]:
    definition = json.loads(one.definition) if one.definition else {}
    return {
        "analyser": one.fingerprint,
        "name": one.name,
        "model": one.model,
        "prompt": one.prompt_version,
        "topics": len(definition.get("topics", ())) or None,
        "thinking": definition.get("thinking"),
        "answers": one.answers,
        "rows": one.rows,
        "current": one.rows > 0,
        "accepted_at": one.accepted_at,
        "series": one.series,
    }


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = ("analyser", "name", "model", "prompt", "topics", "thinking", "answers", "rows", "accepted_at")
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name.replace("_at", ""), justify="right" if name in ("topics", "answers", "rows") else "left")
    for row in rows:
        cells = {**row, "analyser": row["analyser"][:12], "accepted_at": (row["accepted_at"] or "")[:10]}
        table.add_row(*("" if cells[name] is None else str(cells[name]) for name in columns))
    # in a pipe rich takes 80 columns and cuts cells
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
