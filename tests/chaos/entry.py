"""`verbatims …` with a shorter lease, so that a round needs no minute to see a frozen process taken for dead."""

import sys
from collections.abc import Sequence
from typing import NoReturn

from pipeline import claiming

claiming.LEASE_S = 9.0
"""Three beats of two seconds, and what a busy machine may add. Every process of a round has the same."""

# behind the lease: from it these compute intervals of their own. All of them here, since a process of a round is a copy
# of one that has imported them: that takes five seconds of CPU
import alembic.command  # noqa: E402, F401
import google.cloud.bigquery  # noqa: E402, F401

import pipeline.retention  # noqa: E402
import pipeline.sandbox  # noqa: E402
import pipeline.summary  # noqa: E402, F401
from pipeline.cli import main  # noqa: E402


def run(arguments: Sequence[str]) -> NoReturn:
    """Run a command and end the process with its exit code."""
    sys.exit(main([*arguments]))


if __name__ == "__main__":
    run(sys.argv[1:])
