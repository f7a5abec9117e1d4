"""Verbatims a second that the clean stage takes: `python -m tests.bench.clean` (half a minute).

20,000 short reviews with a language to be found, in an SQLite store; CPU of the process, so that one core is meant.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from pipeline import journey
from pipeline.progress import Logged
from pipeline.records import Review
from pipeline.session import open_session

from .measured import measured, text_of

COUNT = 20_000


def main() -> None:
    """Prepare, clean, print."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"STORE": f"sqlite:///{Path(folder) / 'store.db'}", "SCRAPER_MODE": "sandbox", "WAREHOUSE": ""}
        with open_session(lambda _: Logged(logging.getLogger())) as session:
            run_id = journey.start_run(session, "bench")
            list(session.store.texts.add(run_id, (Review("shop", str(n), text_of(n), n + 1) for n in range(COUNT))))
            with measured() as found:
                journey.clean(session, run_id)
    print(f"| clean | {COUNT / found['cpu_seconds']:,.0f} a second |")


if __name__ == "__main__":
    main()
