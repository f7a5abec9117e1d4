"""`verbatims sandbox`: serves the stand-ins to other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipeline.commands.arguments import add_address, add_command, positive, seconds
from pipeline.commands.output import DONE, say


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "sandbox",
        "serve a review site, a feed, and stand-ins for Claude's and BigQuery's APIs on loopback",
        run,
        examples=[
            "verbatims sandbox",
            "verbatims sandbox --latency 0.2 --faults unreadable=0.03,overloaded=0.05",
            "verbatims sandbox --limits requests=600,input-tokens=200000,burst=5",
            "verbatims sandbox --drift negative=0.15",
            "ANTHROPIC_BASE_URL=http://127.0.0.1:9100 verbatims run",
        ],
    )
    add_address(command, port=9100)
    _add_answer_options(command)
    _add_data_options(command)


def _add_answer_options(command: Any) -> None:
    """Add the options of latency, faults and drift."""
    command.add_argument(
        "--latency", type=seconds, default=0.05, metavar="S", help="seconds per answer (default: %(default)s)"
    )
    command.add_argument(
        "--faults",
        default="",
        metavar="KIND=SHARE,…",
        help="share of answers that go wrong: unreadable, empty, truncated, refused, rate_limited, overloaded, "
        "error, timeout, spend_limit, contract_limit, ramp_limit, on_hold, invalid, too_large, denied, gateway, "
        "broken, paid_timeout, not_json; of loads into BigQuery: row_refused, unavailable, slow; and of batches: "
        "batch_errored, batch_invalid, batch_expired, batch_canceled, batch_refused, batch_lost_reply, batch_late, "
        "batch_broken_results",
    )
    command.add_argument(
        "--limits",
        default="",
        metavar="KIND=N,…",
        help="limits per minute of Claude's API: requests, input-tokens, output-tokens; and burst, how many seconds' "
        "worth of them may be used at once (default: none is ever reached; burst=60)",
    )
    command.add_argument(
        "--batch-delay", type=seconds, default=2.0, metavar="S", help="seconds per batch (default: %(default)s)"
    )
    command.add_argument(
        "--token-noise",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="how much the billed tokens of a text differ from counted ones, 0 to 1: 0.2 is 0.8 to 1.4 times the "
        "output (default: %(default)s)",
    )
    command.add_argument(
        "--drift",
        default="",
        metavar="SENTIMENT=SHARE,…",
        help="share of the answers with another sentiment that get this one, as if the model had changed: positive, "
        "neutral, negative, mixed; a prompt with a section of examples is answered without it (default: none)",
    )
    command.add_argument("--seed", type=int, default=7, help="which answers go wrong (default: %(default)s)")


def _add_data_options(command: Any) -> None:
    """Add the options of its files and reviews."""
    command.add_argument("--billed", type=Path, metavar="FILE", help="append a JSON line per answer given")
    command.add_argument(
        "--tables",
        type=Path,
        default=Path("var/bigquery-sandbox.db"),
        metavar="FILE",
        help="where BigQuery's tables are kept (default: %(default)s)",
    )
    command.add_argument(
        "--batches",
        type=Path,
        default=Path("var/batches-sandbox.db"),
        metavar="FILE",
        help="where Claude's batches are kept (default: %(default)s)",
    )
    command.add_argument(
        "--published", type=positive, metavar="N", help="only the oldest N reviews are there yet (default: all)"
    )


def run(options: argparse.Namespace) -> int:
    """Serve the stand-ins until a signal ends the process."""
    from pipeline.sandbox import serve
    from pipeline.sandbox.faults import parse

    faults = parse(options.faults)
    serve(
        options.host,
        options.port,
        options.latency,
        faults,
        options.seed,
        options.billed,
        options.tables,
        options.published,
        say,
        options.limits,
        batches=options.batches,
        batch_delay_s=options.batch_delay,
        noise=options.token_noise,
        drift=options.drift,
    )
    return DONE
