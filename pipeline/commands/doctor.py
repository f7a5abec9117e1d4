"""`verbatims doctor`: checks everything that a run depends on."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.commands.arguments import add_command
from pipeline.commands.output import DONE, WITH_FAILURES, print_data, say, warn

if TYPE_CHECKING:
    from pipeline.doctor import Finding


def add_parser(parsers: Any) -> None:
    """Add the command's options."""
    command = add_command(
        parsers,
        "doctor",
        "look at all that a run leans on: what is fine, what is wrong, what to do",
        run,
        examples=["verbatims doctor", "verbatims doctor --json"],
        settings=[
            "STORE",
            "WAREHOUSE",
            "ANTHROPIC_API_KEY",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "VERBATIMS_PROMETHEUS_URL",
            "VERBATIMS_PUSHGATEWAY_URL",
            "VERBATIMS_TEMPO_URL",
            "VERBATIMS_ALERTMANAGER_URL",
            "VERBATIMS_GRAFANA_URL",
        ],
    )
    command.add_argument("--json", action="store_true", help="print each finding as a JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the result of each check as a line."""
    from pipeline.doctor import examine
    from pipeline.settings import load_settings

    findings = list(examine(load_settings()))
    for finding in findings:
        if options.json:
            print_data(asdict(finding))
        else:
            show = say if finding.fine else warn
            show(f"{_mark(finding):<10}  {finding.name:<12} {finding.said}")
    wrong = [finding.name for finding in findings if not finding.fine]
    if wrong and options.json:
        warn(f"wrong: {', '.join(wrong)}")
    return WITH_FAILURES if wrong else DONE


def _mark(finding: Finding) -> str:
    if not finding.set_up:
        return "not set up"
    return "fine" if finding.fine else "WRONG"
