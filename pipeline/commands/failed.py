"""`verbatims failed`: lists a run's failed records."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_command, add_run_id
from pipeline.commands.output import DONE, WITH_FAILURES, print_data, say
from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.store import Failure


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "failed",
        "list a run's failed records as JSON lines, without their texts",
        run,
        examples=["verbatims failed", "verbatims failed --run day-2026-01-31"],
        settings=["STORE"],
    )
    add_run_id(command)


def run(options: argparse.Namespace) -> int:
    """Print each failed record of a run as a line."""
    from pipeline.settings import load_settings
    from pipeline.store import peek_store

    # unlike `open_store`, this creates no store for a question about one
    store = peek_store(load_settings().store)
    if store is None:
        raise SettingsError("STORE: there is no store yet; `verbatims run` makes one")
    with closing(store):
        run_id = store.runs.find(options.run)
        found = store.runs.failures(run_id)
    for failure in found:
        print_data(asdict(failure))
    say(_in_words(found, run_id))
    return WITH_FAILURES if found else DONE


def _in_words(found: Sequence[Failure], run_id: str) -> str:
    count = "1 failed record" if len(found) == 1 else f"{len(found)} failed records"
    cost_usd = sum(failure.cost_usd for failure in found)
    return f"{count} in run {run_id}" + (f", which cost ${cost_usd:.4f}" if cost_usd else "")
