"""How to name this command to the person who typed it."""

import os
import shutil
import sys


def program_name() -> str:
    """`verbatims` where that is found, else the path by which it was started, from the working folder."""
    if shutil.which("verbatims") or not sys.argv[0].endswith("verbatims"):
        return "verbatims"
    return os.path.relpath(sys.argv[0])
