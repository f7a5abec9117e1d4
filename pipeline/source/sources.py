"""All sources of a run, read as one: an error in one source does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from pipeline.errors import InputError, TransientError
from pipeline.records import BrokenRecord, Review
from pipeline.source.history import NO_HISTORY, CrawlHistory
from pipeline.source.source import Prepare, Source, unchanged


class Sources:
    """Reads sources one after the other. Positions are counted across all of them."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._read: list[Source] = []
        self._errors: list[tuple[Source, InputError | TransientError]] = []
        self.name = ", ".join(source.name for source in sources)
        self.guesses = [_said_of(source, guess) for source in sources for guess in source.guesses]

    def reviews(
        self, history: CrawlHistory = NO_HISTORY, prepare: Prepare = unchanged
    ) -> Iterator[Review | BrokenRecord]:
        """The records of every source. Errors of a source are kept for `finish` to raise."""
        last = 0
        for source in self._sources:
            base = last
            try:
                for record in source.reviews(history, prepare):
                    last = base + record.position
                    yield _placed(source, record, last)
            except (InputError, TransientError) as error:
                self._errors.append((source, error))
            else:
                self._read.append(source)

    def again(self, prepare: Prepare = unchanged) -> Iterator[Review | BrokenRecord]:
        """See `Source.again`."""
        for source in self._sources:
            # what is wrong with one is said when it is read for good
            with suppress(InputError, TransientError):
                yield from source.again(prepare)

    def finish(self, history: CrawlHistory = NO_HISTORY) -> list[str]:
        """Finish each source that was read completely. Returns their warnings.

        Raises the errors of the others together: TransientError if a retry may help with all of them, else InputError.
        """
        warnings = [f"source {source.name}: {warning}" for source in self._read for warning in source.finish(history)]
        if self._errors:
            kind = InputError if any(isinstance(error, InputError) for _, error in self._errors) else TransientError
            raise kind("; ".join([*(f"source {source.name}: {error}" for source, error in self._errors), *warnings]))
        return warnings


def _said_of(source: Source, guess: str) -> str:
    start = "warning: " if guess.startswith("warning: ") else ""
    return f"{start}{source.name}: {guess.removeprefix(start)}"


def _placed(source: Source, record: Review | BrokenRecord, position: int) -> Review | BrokenRecord:
    if isinstance(record, BrokenRecord):
        return BrokenRecord(position, f"{source.name}: {record.problem}")
    return replace(record, position=position)
