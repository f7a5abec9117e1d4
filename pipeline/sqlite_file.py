"""How a SQLite file is opened, the store's and the warehouse's alike."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

BUSY_TIMEOUT_S = 60
"""How long a writer waits for another; 4 processes with 20 writers each lost nothing at 30."""

LOOK_AGAIN_S = 0.02


def use_wal(connection: sqlite3.Connection) -> None:
    """Let readers and the writer not block one another."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            # unlike other statements it does not wait when several open a new file at once
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(LOOK_AGAIN_S)


def is_read_only(path: Path) -> bool:
    """Whether nothing can be written: neither to the file nor, beside it, what SQLite needs for writing."""
    folder = next((place for place in path.parents if place.exists()), path.parent)  # the first one may be made yet
    return any(place.exists() and not os.access(place, os.W_OK) for place in (folder, path))


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that leaves no file behind."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    # SQLite wants to make a -wal file, and where it cannot it must be told that nobody writes
    if not Path(f"{path}-wal").exists() and not os.access(path.parent, os.W_OK):
        address += "&immutable=1"
    return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)


def warehouse_of(store: Path) -> Path:
    """Where the rows of a store are by default: in a file of their own, so that analysts see their tables alone.

    A store whose own file has the rows of an older version keeps them there.
    """
    own = store.with_name(f"{store.stem}-warehouse{store.suffix}")
    return store if not own.exists() and _has_rows(store) else own


def _has_rows(path: Path) -> bool:
    """Whether a file has a table of analysed verbatims, of any version; False for one that is no database."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name LIKE 'verbatims_analysed_v_' LIMIT 1"
    try:
        with closing(connect_read_only(path)) as connection:
            return connection.execute(query).fetchone() is not None
    except sqlite3.Error:
        return False


def is_damaged(said: str) -> bool:
    """Whether SQLite says that the content of a file is not what it has written."""
    return "malformed" in said or "not a database" in said
