"""Files of Airflow's logs that are too old to be kept, without Airflow."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

KINDS = ("dag_id=*", "dag_processor")
"""Folders of the base log folder that hold logs of tasks and of the dag-processor.

Files beside them are left alone: `make airflow` has those of its servers there, which are written to all the time.
"""


def trim_logs(folder: Path, before: datetime) -> int:
    """Remove logs that were last written before that moment, and folders that are empty then; returns how many logs."""
    removed, limit = 0, before.timestamp()
    for top in (found for kind in KINDS for found in sorted(folder.glob(kind))):
        # their times now: removing a file makes its folder look new
        folders = [(Path(parent), names, os.stat(parent).st_mtime) for parent, _, names in os.walk(top)]
        for parent, names, changed in reversed(folders):
            removed += sum(_remove_if_old(parent / name, limit) for name in names)
            if changed < limit:  # a new one may be about to get its first log
                with suppress(OSError):  # not empty
                    parent.rmdir()
    return removed


def _remove_if_old(file: Path, limit: float) -> bool:
    with suppress(FileNotFoundError):  # somebody else has just removed it
        if not file.is_symlink() and file.stat().st_mtime < limit:
            file.unlink()
            return True
    return False
