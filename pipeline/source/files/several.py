"""Opens what --input names: one file, several, or the files of a folder."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import InputError
from pipeline.records import BrokenRecord, Review
from pipeline.source.fields import ContentIds, harmless, plain
from pipeline.source.files.file import File, ReadOptions
from pipeline.source.files.opening import ENDINGS
from pipeline.source.files.survey import digest
from pipeline.source.history import NO_HISTORY, CrawlHistory
from pipeline.source.source import Prepare, Source, unchanged

NAMED = 3
"""Files that the name of an input lists."""


def open_files(paths: Sequence[str], reading: ReadOptions) -> Source:
    """The source of all records. Raises InputError for the first file that cannot be read."""
    named = [file for path in paths for file in _files_of(path)]
    if len({path if path == "-" else os.path.realpath(path) for path in named}) < len(named):
        raise InputError("--input: names a file twice")
    files = [File(path, reading) for path in named]
    return files[0] if len(files) == 1 else Files(files, _told_apart(named))


class Files:
    """Several files, read as one. Positions are counted across all of them, and so are equal records without an id."""

    def __init__(self, files: Sequence[File], names: Sequence[str]) -> None:
        self._files = tuple(zip(names, files, strict=True))
        self._tell_ids_apart(files)
        more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
        self.name = ", ".join(names[:NAMED]) + more
        self.guesses = [_said_of(name, guess) for name, file in self._files for guess in file.guesses]

    @staticmethod
    def _tell_ids_apart(files: Sequence[File]) -> None:
        """Ids that nobody named and that stand beside different texts in two files are none."""
        texts: dict[bytes, bytes] = {}
        shared = set()
        for file in (file for file in files if file.guesses_ids):
            for review in file.reviews():
                if isinstance(review, Review) and review.text:
                    one = digest(f"{review.source}\0{review.external_id}")
                    if texts.setdefault(one, digest(review.text)) != digest(review.text):
                        shared.add(one)
        if shared:
            for file in (file for file in files if file.guesses_ids):
                file.make_ids_of_content(len(shared))

    def reviews(
        self, history: CrawlHistory = NO_HISTORY, prepare: Prepare = unchanged
    ) -> Iterator[Review | BrokenRecord]:
        """The records of every file. Raises as `File.reviews` does."""
        last, ids = 0, ContentIds()
        for name, file in self._files:
            base = last
            for record in file.reviews(history, prepare, ids):
                last = base + record.position
                if isinstance(record, BrokenRecord):
                    yield BrokenRecord(last, f"{name}, record {record.position}: {record.problem}")
                else:
                    yield replace(record, position=last)

    def again(self, prepare: Prepare = unchanged) -> Iterator[Review | BrokenRecord]:
        """See `Source.again`."""
        return self.reviews(prepare=prepare)

    def finish(self, history: CrawlHistory = NO_HISTORY) -> list[str]:
        """No warnings and no history, as for one file."""
        return []


def _said_of(name: str, guess: str) -> str:
    start = "warning: " if guess.startswith("warning: ") else ""
    return f"{start}{name}: {guess.removeprefix(start)}"


def _told_apart(paths: Sequence[str]) -> list[str]:
    """The names of the files, with their folders where two have one name."""
    names = ["stdin" if path == "-" else Path(path).name for path in paths]
    told = [path if names.count(name) > 1 else name for path, name in zip(paths, names, strict=True)]
    return [harmless(plain(name)) for name in told]


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
