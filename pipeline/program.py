"""The name of this command in messages."""

import os
import shutil
import sys


def program_name() -> str:
    """`verbatims` if it is on PATH, else its path relative to the working directory."""
    if shutil.which("verbatims") or not sys.argv[0].endswith("verbatims"):
        return "verbatims"
    return os.path.relpath(sys.argv[0])
