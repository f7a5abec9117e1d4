"""A whole run, from a file to a warehouse: `python -m tests.bench.whole_run N` in an empty folder.

Prints one JSON object. The environment has the settings, and `ANTHROPIC_BASE_URL` of a stand-in.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from pipeline import journey
from pipeline.progress import Logged
from pipeline.session import open_session
from pipeline.source.files.file import File, ReadOptions

from .measured import measured, text_of


def main() -> None:
    """Run, check, print."""
    count, file = int(sys.argv[1]), Path("reviews.jsonl")
    with file.open("w") as lines:
        for number in range(count):
            lines.write(json.dumps({"id": number, "text": text_of(number)}) + "\n")
    source = File(str(file), ReadOptions(source="shop"))
    with open_session(lambda _: Logged(logging.getLogger()), asks=True, file=source) as session:
        with measured() as found:
            journey.run(session, source)
        query = "SELECT count(*) FROM verbatims_analysed_v2 WHERE summary = 'no. ' || external_id"
        with closing(sqlite3.connect(session.settings.warehouse_url.removeprefix("sqlite:///"))) as warehouse:
            [right] = warehouse.execute(query).fetchone()
    print(json.dumps(found | {"right": right}))


if __name__ == "__main__":
    main()
