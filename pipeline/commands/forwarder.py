"""`verbatims forwarder`: forwards batch metrics to the Pushgateway."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.commands.arguments import add_address, add_command
from pipeline.commands.output import DONE, say


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "forwarder",
        "take batch metrics by OTLP/HTTP and push them to the Pushgateway",
        run,
        examples=["verbatims forwarder", "verbatims forwarder --host 127.0.0.1 --port 4319"],
        settings=["VERBATIMS_PUSHGATEWAY_URL"],
    )
    add_address(command, port=4319)


def run(options: argparse.Namespace) -> int:
    """Forward batch metrics until a signal ends the process."""
    from pipeline.forwarder import serve
    from pipeline.settings import load_settings
    from pipeline.urls import origin

    gateway = load_settings().pushgateway_url
    # only the origin is shown: a path may be a gateway's secret
    serve(
        gateway,
        options.host,
        options.port,
        listening=lambda address: say(f"forwarder on {address}: to the Pushgateway at {origin(gateway)}"),
    )
    return DONE
