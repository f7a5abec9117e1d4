"""Writes a sample of texts into a file for a person to label, and reads the labels back into the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline.errors import InputError, SettingsError
from pipeline.evaluate.sample import Stratum, allocate, weights
from pipeline.label_file import Known, Label, ToLabel, ids_in, read_labels, write_labels
from pipeline.label_guide import write_guide
from pipeline.records import Topic
from pipeline.source.fields import harmless
from pipeline.store import LabelledText, Store

MOST_SHOWN = 20
"""Lines of a file with a problem that a message names."""


def write_sample(
    store: Store,
    size: int,
    path: Path,
    topics: tuple[Topic, ...],
    since: date | None = None,
    source: str | None = None,
) -> tuple[int, Path]:
    """Draw texts and write the file to be filled in, with a guide beside it; returns how many texts, and the guide.

    `since` and `source`: only what was first seen since that UTC day, only of that source.

    Raises SettingsError where the file is there already: it may be filled in. InputError where nothing is analysed.
    """
    guide = path.with_suffix(".guide.md")
    for file in (path, guide):
        if file.exists():
            raise SettingsError(f"--output: {file} is there already, and may be somebody's work; name another")
    populations = store.labels.strata(since, source)
    sizes = allocate(populations, size)
    each, numbers = weights(populations, sizes), _numbers(sizes)
    drawn = store.labels.draw(sizes, datetime.now(UTC).toordinal(), since)
    if not drawn:
        raise InputError("nothing like it is analysed, or all its words are erased: `verbatims run` comes first")
    strata = [(one, (one.source, one.sentiment)) for one in drawn]
    rows = [ToLabel(one.verbatim_id, one.source, one.text, numbers[key], each[key]) for one, key in strata]
    written = write_labels(path, rows)
    write_guide(guide, topics)
    return written, guide


def _numbers(strata: Iterable[Stratum]) -> dict[Stratum, str]:
    """Numbers in the order of the names: they do not tell which sentiment was predicted."""
    return {stratum: str(number) for number, stratum in enumerate(sorted(strata, key=str), 1)}


def read_file(store: Store, path: Path, topics: tuple[Topic, ...]) -> dict[int, Label]:
    """The labels of a file by text. Raises InputError with a line per problem: then nothing of it is used."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    there = store.labels.known(ids_in(path))
    known: Mapping[str, Known] = {name: Known(text) for name, (_, text) in there.items()}
    found, problems = read_labels(path, known, {topic.id for topic in topics})
    if problems:
        raise LabelProblems(path, problems)
    return {there[one.verbatim_id][0]: one for one in found}


class LabelProblems(InputError):
    """Lines of a file of labels that cannot be used."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path.name}: {len(problems)} problem{'s' * (len(problems) > 1)}, nothing of it is used")
        more = len(problems) - MOST_SHOWN
        self.lines = problems[:MOST_SHOWN] + ([f"and {more} more"] if more > 0 else [])


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to."""

    name: str
    """Of the file, without its ending; `--labels` takes it."""
    labels: int
    lost: int
    """Texts that an earlier file of this name has labelled, and this one does not."""

    @property
    def warning(self) -> str | None:
        """What the person may not have wanted."""
        if not self.lost:
            return None
        return (
            f"{self.lost} texts have lost their labels, which an earlier file named {self.name} had; "
            "files of two people need two names"
        )


def import_file(store: Store, path: Path, topics: tuple[Topic, ...]) -> Imported:
    """Keep the labels of a file under its name, in place of those that an earlier file of this name had.

    Raises as `read_file`, and InputError where nothing is labelled.
    """
    found, name = read_file(store, path, topics), path.stem
    if not found:
        raise InputError(f"{path.name}: no line is labelled; fill in the column sentiment")
    if name != harmless(name) or name.startswith("-"):
        raise InputError(f"{harmless(path.name)}: a name of labels is plain text without a dash in front; rename it")
    given = [
        LabelledText(text_id, one.sentiment, one.topics, one.stratum, one.weight)
        for text_id, one in sorted(found.items())
    ]
    return Imported(name, len(given), store.labels.replace(name, given))


def labels_named(store: Store, word: str | None, topics: tuple[Topic, ...]) -> tuple[Imported, list[LabelledText]]:
    """The labels that a word means: a file, which is imported; a name; or the only ones there are.

    Raises InputError where there are none, or those of several people.
    """
    people = store.labels.people()
    if word is None:
        if len(people) != 1:
            there = f"there are those of {', '.join(people)}" if people else "`verbatims label` makes some"
            raise InputError(f"--labels: name a file or whose labels: {there}")
        word = next(iter(people))
    if word in people and not Path(word).is_file():
        return Imported(word, people[word], 0), store.labels.of(word)
    imported = import_file(store, Path(word), topics)
    return imported, store.labels.of(imported.name)
