"""Writes a file that is there once it is complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pipeline.errors import SettingsError, TransientError


@contextmanager
def whole_file(path: Path, what: str) -> Iterator[IO[bytes]]:
    """A full disk or Ctrl-C leaves what was there before. `what` begins the messages of its errors.

    Raises SettingsError where something else has this name, TransientError where it cannot be written.
    """
    target = path.resolve()  # of a link what it points to
    if target.exists() and not target.is_file():
        raise SettingsError(f"{what}: {path} is there and is no file")
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        raise TransientError(f"{what}: {path} cannot be written: {error.strerror}; nothing is changed") from None
    finally:
        with suppress(OSError):  # of a read-only folder; the first error counts
            beside.unlink(missing_ok=True)
