"""What a copied process does first. In the test itself nothing of this is imported: its lease stays as it is."""

import os
from collections.abc import Mapping, Sequence


def start(arguments: Sequence[str], folder: str, environment: Mapping[str, str], log: str) -> None:
    """Run a command in that folder with that environment, its output in a file; never returns."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from .entry import run

    run(arguments)
