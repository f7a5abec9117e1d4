"""`verbatims exporter`: serves the store's totals to Prometheus."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.commands.arguments import add_address, add_command
from pipeline.commands.output import DONE, say


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "exporter",
        "serve the ten metrics as totals of the store, for Prometheus",
        run,
        examples=["verbatims exporter", "verbatims exporter --host 127.0.0.1 --port 8000"],
        settings=["STORE"],
    )
    add_address(command, port=8000)


def run(options: argparse.Namespace) -> int:
    """Serve the totals until a signal ends the process."""
    from pipeline.exporter import serve
    from pipeline.settings import load_settings
    from pipeline.store import open_store

    store = open_store(load_settings().store, writes=False)
    try:
        serve(
            store.totals,
            options.host,
            options.port,
            listening=lambda address: say(f"exporter on {address}: totals of {store.name}"),
        )
    finally:
        store.close()
    return DONE
