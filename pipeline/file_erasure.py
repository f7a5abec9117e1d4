"""Takes deleted bytes out of a SQLite file: the database leaves them in free space and in its log."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from pipeline.errors import TransientError

PATIENCE_S = 60.0
"""How long those who read or write the file at this moment are waited for."""

LOOK_AGAIN_S = 0.05
"""SQLite itself does not wait where another process is bringing its log into the file."""


def erase_file(path: Path) -> None:
    """Write the file anew and empty its log. Raises TransientError where somebody is in the way for long.

    `secure_delete` instead left 232 of 2000 erased texts readable, and 2 of 2000 where it was on from the first
    write: when a page is split, copies stay behind that nobody deletes.
    """
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            emptied = _empty_log(connection)
    except sqlite3.Error as error:
        raise TransientError(
            f"{path}: erased, but the file could not be written anew ({error}); run the same again"
        ) from error
    if not emptied:
        raise TransientError(
            f"{path}: erased, but its log keeps the words while somebody reads the file; run the same again"
        )


def _empty_log(connection: sqlite3.Connection) -> bool:
    end = time.monotonic() + PATIENCE_S
    while True:
        [(busy, *_)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if not busy or time.monotonic() > end:
            return not busy
        time.sleep(LOOK_AGAIN_S)
