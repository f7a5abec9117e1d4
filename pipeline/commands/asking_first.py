"""Asks a person before money is spent on what was analysed already."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from pipeline.commands.output import warn
from pipeline.errors import SettingsError


def add_yes(command: Any) -> None:
    """Add the option that answers the question in advance."""
    command.add_argument("--yes", action="store_true", help="do not ask before Claude is asked; needed in a script")


def confirm(options: argparse.Namespace, question: str) -> None:
    """Ask whether to go on. Raises SettingsError where the answer is no, or nobody can answer and --yes is not given.

    Exit code 2: a script must not take what was not asked for done.
    """
    if options.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SettingsError(f"{question} Add --yes to go on: there is no terminal to ask")
    warn(f"{question} Go on? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes", "o", "oui"):
        raise SettingsError("nothing was asked, and nothing was paid")
