"""This command in messages: its name, and what a user may type next."""

import os
import shlex
import shutil
import sys


def program_name() -> str:
    """`verbatims` if it is on PATH, else its path relative to the working directory."""
    if shutil.which("verbatims") or not sys.argv[0].endswith("verbatims"):
        return "verbatims"
    return os.path.relpath(sys.argv[0])


def next_command(arguments: str) -> str:
    """A command for the same store: with STORE and WAREHOUSE before it where only this process's environment has them.

    Without both where one holds a password.
    """
    from pipeline.settings import from_environment  # half a second that only a summary needs
    from pipeline.urls import holds_password

    given = from_environment("STORE", "WAREHOUSE")
    if any(map(holds_password, given.values())):
        given = {}
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in given.items()), program_name(), arguments])
