"""Opens what --input names: one file, several, or the files of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import InputError
from pipeline.source.files.file import File, Reading
from pipeline.source.files.opening import ENDINGS
from pipeline.source.source import Source
from pipeline.source.sources import Sources


def open_files(paths: Sequence[str], reading: Reading) -> Source:
    """The source of all records. Raises InputError for the first file that cannot be read."""
    named = [file for path in paths for file in _files_of(path)]
    if len(set(named)) < len(named):
        raise InputError("--input: names a file twice")
    files = [File(path, reading) for path in named]
    return files[0] if len(files) == 1 else Sources(files)


def _files_of(path: str) -> list[str]:
    """The path itself, or the readable files of a folder in the order of their names."""
    folder = Path(path)
    if path == "-" or "\0" in path or not folder.is_dir():
        return [path]
    files = sorted(str(one) for one in folder.iterdir() if one.is_file() and _is_read(one))
    if not files:
        raise InputError(f"{folder.name}: no file in this folder ends in {', '.join(ENDINGS)}")
    return files


def _is_read(path: Path) -> bool:
    bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return bare.suffix.lower() in ENDINGS and not path.name.startswith(".")
