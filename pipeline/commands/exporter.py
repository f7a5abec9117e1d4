"""`verbatims exporter`: serves the store's totals to Prometheus."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_address, add_command
from pipeline.commands.output import DONE, say

if TYPE_CHECKING:
    from pipeline.settings import Settings


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "exporter",
        "serve the ten metrics as totals of the store, for Prometheus",
        run,
        examples=["verbatims exporter", "verbatims exporter --host 127.0.0.1 --port 8000"],
        settings=["STORE", "SCRAPER_MODE", "VERBATIMS_BUDGET_USD_PER_DAY"],
    )
    add_address(command, port=8000)


def _disk(settings: Settings) -> Path:
    """Where the files of store and warehouse lie; here, where both are services."""
    files = [url.removeprefix("sqlite:///") for url in (settings.store, settings.warehouse_url) if "sqlite:///" in url]
    return next((folder for folder in (Path(file).parent for file in files) if folder.is_dir()), Path("."))


def run(options: argparse.Namespace) -> int:
    """Serve the totals until a signal ends the process."""
    from pipeline.exporter import serve
    from pipeline.settings import load_settings
    from pipeline.store import open_store

    settings = load_settings(asks=False)
    store = open_store(settings.store, writes=False)
    try:
        store.runs.check_mode(settings.mode)
        serve(
            store.totals,
            options.host,
            options.port,
            environment=settings.mode,
            disk=_disk(settings),
            budget_usd=settings.budget_usd_per_day,
            listening=lambda address: say(f"exporter on {address}: totals of {store.name}"),
        )
    finally:
        store.close()
    return DONE
