"""Opens what is to be read: a file, packed or not, or standard input, as bytes that can be read several times."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from pipeline.errors import InputError, TransientError
from pipeline.source import fields

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt", ".xlsx", ".xls")
"""Of files that are read; each may be followed by `.gz`."""

GZIP = b"\x1f\x8b"

_CHUNK = 1 << 20


class Input(Protocol):
    """Bytes with a name."""

    @property
    def name(self) -> str:
        """The name for messages."""

    @property
    def stem(self) -> str:
        """The name without folder and endings: the label of a source without another one."""

    @property
    def suffix(self) -> str:
        """The ending that tells the format, in lower case, without `.gz`; empty if nothing does."""

    def open(self) -> BinaryIO:
        """The bytes from the start, unpacked."""


def open_input(path: str, stdin: BinaryIO | None = None) -> Input:
    """The file at `path`, or standard input for `-`. Raises InputError for what is no file, TransientError where
    standard input cannot be kept."""
    return StandardInput(stdin or _stdin()) if path == "-" else FilePath(Path(path))


class FilePath:
    """A regular file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = fields.harmless(fields.plain(path.name))
        bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
        self.stem, self.suffix = fields.plain(bare.stem), bare.suffix.lower()
        if self.suffix and self.suffix not in ENDINGS:
            raise InputError(
                f"{self.name}: unknown ending; these are read: {', '.join(ENDINGS)}, also as .gz (or - for stdin)"
            )
        try:
            # opening a named pipe would block until another process writes to it
            if path.exists() and not path.is_file() and not path.is_dir():
                raise InputError(f"{self.name}: not a regular file")
            with path.open("rb"):
                pass
        except (OSError, ValueError) as error:  # ValueError: the path contains NUL
            reason = getattr(error, "strerror", None) or "no such path"
            raise InputError(f"{self.name}: cannot be opened ({reason})") from error

    def open(self) -> BinaryIO:
        """See `Input.open`."""
        return _unpacked(self._path.open("rb"))


class StandardInput:
    """Standard input, kept in a nameless temporary file, which is gone when the process ends."""

    name = stem = "stdin"
    suffix = ""

    def __init__(self, stream: BinaryIO) -> None:
        self._kept = tempfile.TemporaryFile()  # noqa: SIM115, it is read as long as this lives
        weakref.finalize(self, self._kept.close)
        try:
            shutil.copyfileobj(stream, self._kept, _CHUNK)
            self._kept.flush()
        except OSError as error:
            raise TransientError(
                f"stdin: cannot be kept in {tempfile.gettempdir()} ({error.strerror}); give a file instead"
            ) from error

    def open(self) -> BinaryIO:
        """See `Input.open`."""
        return _unpacked(io.BufferedReader(_FromStart(self._kept)))


class _FromStart(io.RawIOBase):
    """A file read from its start, whatever others read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._file.fileno()).st_size}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = os.pread(self._file.fileno(), len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Gzip(gzip.GzipFile):
    """Closes what it unpacks, too."""

    def __init__(self, packed: io.BufferedReader) -> None:
        super().__init__(fileobj=packed)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


def _unpacked(stream: io.BufferedReader) -> BinaryIO:
    return cast(BinaryIO, _Gzip(stream)) if stream.peek(2)[:2] == GZIP else stream


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise InputError("standard input is closed; give a file, or pipe something in")
    return sys.stdin.buffer
