"""One night in a process of its own, as the DAG's tasks run it: `python -m stack.night NEXT_START_S DEADLINE_S [FILE]`.

In how many seconds the next night starts and has to be published; without a file the sources of the settings are read.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime, timedelta

from pipeline import journey
from pipeline.errors import VerbatimsError
from pipeline.progress import Logged
from pipeline.records import Task
from pipeline.session import open_session
from pipeline.source.files.file import ReadOptions
from pipeline.source.files.several import open_files


def main() -> int:
    """Run the five stages; 1 if one of them fails."""
    next_start, deadline = map(float, sys.argv[1:3])
    now = datetime.now(UTC)
    task = Task(
        "verbatims_daily",
        next_start=now + timedelta(seconds=next_start),
        deadline=now + timedelta(seconds=deadline),
    )
    log = logging.getLogger("night")
    try:
        file = open_files(sys.argv[3:], ReadOptions()) if sys.argv[3:] else None
        with open_session(lambda _: Logged(log), reads=True, asks=True, file=file, task=task) as session:
            assert session.source is not None
            journey.run(session, session.source)
    except VerbatimsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
