"""The file of texts that a person labels in a spreadsheet: written empty, read filled in."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from types import MappingProxyType

from pipeline.errors import InputError
from pipeline.export import behind_apostrophe
from pipeline.records import BrokenRecord, Sentiment
from pipeline.source.fields import folded, harmless, number
from pipeline.source.files.decoding import OLDER
from pipeline.source.files.formats import Format
from pipeline.source.files.opening import open_input
from pipeline.source.files.table import Table
from pipeline.whole_file import whole_file

COLUMNS = ("verbatim_id", "source", "text", "sentiment", "topics", "comment", "stratum", "weight")
NEEDED = ("verbatim_id", "text", "sentiment", "topics", "stratum", "weight")
"""Columns that are read. The others are for the person."""

NO_TOPICS = ("-", "–", "—")
"""What says that none of the topics fits; spreadsheets make a dash of a hyphen."""

WORDS: Mapping[str, Sentiment] = MappingProxyType({
    "positive": Sentiment.POSITIVE, "positif": Sentiment.POSITIVE,
    "neutral": Sentiment.NEUTRAL, "neutre": Sentiment.NEUTRAL,
    "negative": Sentiment.NEGATIVE, "negatif": Sentiment.NEGATIVE,
    "mixed": Sentiment.MIXED, "mixte": Sentiment.MIXED, "mitige": Sentiment.MIXED, "mitigee": Sentiment.MIXED,
})  # fmt: skip
"""Accepted in `sentiment`, without accents and case."""

MOST_QUOTED = 15
"""Characters of a wrong word that a message shows. A longer one, or several, are not shown: they may be a verbatim in
the wrong column."""

_LIKE_A_NUMBER = re.compile(r"\d.{0,19}|\d+e?\d*")
"""What a spreadsheet might take for a number or a date: `10/10`, `12 mai`, an id of digits with an e among them."""


@dataclass(frozen=True, slots=True)
class ToLabel:
    """A text to be labelled."""

    verbatim_id: str
    source: str
    text: str
    stratum: str
    """Must not tell what the analyser has answered: a number, such as `3`."""
    weight: float
    """How many texts of the population it stands for."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has of a verbatim that may be labelled."""

    text: str | None
    """None once it is erased."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a person says of a text."""

    verbatim_id: str
    sentiment: Sentiment
    topics: frozenset[str] | None
    """Ids; None where the person has left them open."""
    stratum: str
    weight: float


class _Problem(Exception):
    """What is wrong with a line."""


def write_labels(path: Path, texts: Iterable[ToLabel]) -> int:
    """Write the file without labels, and return how many texts it has.

    Rows are in the order of their ids, which are hashes: the order tells nothing of the strata. Line breaks in texts
    become blanks, so that the lines of the file are those of the spreadsheet.

    It is UTF-16 with tabs, which a French and an English Excel both open at a double click. Of UTF-8, the French one
    wants semicolons and the English one commas, and where a first line `sep=;` names them it takes the rest for
    Windows-1252. That is what their users report; it was not measured. Raises as `whole_file` does.
    """
    rows = [_row(one) for one in sorted(texts, key=lambda one: one.verbatim_id)]
    with whole_file(path, "labels") as file:
        file.write(codecs.BOM_UTF16_LE)
        text = io.TextIOWrapper(file, "utf-16-le", "replace", newline="")
        lines = csv.writer(text, delimiter="\t")
        lines.writerow(COLUMNS)
        lines.writerows(rows)
        text.flush()
        text.detach()
    return len(rows)


def ids_in(path: Path) -> list[str]:
    """The verbatim_ids of a file, to look them up before it is read; none where it cannot be read."""
    try:
        with Format(open_input(str(path))).table() as table:
            name = _names(table, path.name)["verbatim_id"]
            rows = (row for row in table.records if not isinstance(row, BrokenRecord))
            return [_text(record.get(name)).lstrip("'") for _, record in rows]
    except (InputError, OSError, EOFError, zlib.error):
        return []


def read_labels(path: Path, known: Mapping[str, Known], topic_ids: Collection[str]) -> tuple[list[Label], list[str]]:
    """The labels of a file, and its problems, one line each: `line 12: sentiment 'bof' is none of …`.

    Rows without a sentiment are not labelled yet: neither a label nor a problem. Reads what spreadsheets save: CSV with
    commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252, and Excel's own sheets. Raises nothing for a file that
    cannot be read: that is its one problem.
    """
    try:
        return _read(path, known, frozenset(topic_ids))
    except InputError as error:
        return [], [str(error)]
    except (OSError, EOFError, zlib.error):
        return [], [f"{path.name}: cannot be read; save it again as CSV"]


def _row(one: ToLabel) -> Sequence[str]:
    # six digits: 3.437 would be thousands in a German Excel, and 12.5 a day
    return (_cell(one.verbatim_id), _cell(one.source), _cell(one.text), "", "", "", one.stratum, f"{one.weight:.6f}")


def _cell(text: str) -> str:
    line = " ".join(text.split())
    return f"'{line}" if _LIKE_A_NUMBER.fullmatch(line) else behind_apostrophe(line)


def _read(path: Path, known: Mapping[str, Known], topic_ids: frozenset[str]) -> tuple[list[Label], list[str]]:
    format = Format(open_input(str(path)))
    checks = _Checks(known, topic_ids, format.encoding)
    labels: dict[int, Label] = {}
    problems: dict[int, str] = {}
    with format.table() as table:
        names = _names(table, path.name)
        for row in table.records:
            if isinstance(row, BrokenRecord):
                problems[row.position] = row.problem
                continue
            line, record = row
            try:
                label = checks.label(line, {name: _text(record.get(names[name])) for name in NEEDED})
            except _Problem as problem:
                problems[line] = str(problem)
            else:
                labels |= {line: label} if label else {}
    changed = _changed_weights(labels)
    problems |= changed
    return (
        [label for line, label in labels.items() if line not in changed],
        [f"line {line}: {words}" for line, words in sorted(problems.items())],
    )


def _names(table: Table, file: str) -> dict[str, str]:
    """The columns of the file by their names in lower case."""
    names = {name.strip().casefold(): name for name in table.names}
    if missing := [name for name in NEEDED if name not in names]:
        raise InputError(f"{file}: no column {', '.join(missing)}; it needs {', '.join(NEEDED)}")
    return names


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


class _Checks:
    """Makes labels of lines, and remembers which verbatims it has seen."""

    def __init__(self, known: Mapping[str, Known], topic_ids: frozenset[str], encoding: str) -> None:
        self._known, self._topic_ids, self._encoding = known, topic_ids, encoding
        self._lines: dict[str, int] = {}

    def label(self, line: int, cells: Mapping[str, str]) -> Label | None:
        """None for a line that is not labelled yet. Raises _Problem, which never holds words of the verbatim."""
        if not cells["sentiment"]:
            return None
        name = cells["verbatim_id"].lstrip("'")
        self._check_text(name, cells["text"])
        if name in self._lines:
            raise _Problem(f"the same verbatim_id as in line {self._lines[name]}; keep one of them")
        self._lines[name] = line
        sentiment, topics = _sentiment(cells["sentiment"]), self._topics(cells["topics"])
        if not cells["stratum"]:
            raise _Problem("stratum is empty; copy the line's stratum and weight from the file as it was written")
        weight = number(cells["weight"])
        if weight is None or weight <= 0:
            raise _Problem("weight is no number above 0; copy it from the file as it was written")
        return Label(name, sentiment, topics, cells["stratum"], weight)

    def _check_text(self, name: str, text: str) -> None:
        if name not in self._known:
            raise _Problem("verbatim_id is not in the store; was it changed, or is this the file of another store?")
        stored = self._known[name].text
        if stored is None:
            raise _Problem("the verbatim is erased since; delete the line")
        if _comparable(text, self._encoding) != _comparable(stored, self._encoding):
            raise _Problem("text is not the one in the store; were cells sorted or edited without the others?")

    def _topics(self, cell: str) -> frozenset[str] | None:
        if not cell:
            return None
        if cell.lstrip("'") in NO_TOPICS:
            return frozenset()
        topics = [word for word in re.split(r"[\s,;]+", cell.casefold()) if word]
        unknown = [topic for topic in topics if topic not in self._topic_ids]
        if unknown:
            # of several unknown words none is shown: they may be a sentence
            which = f"topic {_quoted(unknown[0])} is" if len(unknown) == 1 else f"{len(unknown)} topics are"
            raise _Problem(f"{which} no id of the list; - says that none fits")
        return frozenset(topics)


def _sentiment(word: str) -> Sentiment:
    found = WORDS.get(folded(word))
    if found is None:
        raise _Problem(f"sentiment {_quoted(word)} is none of {', '.join(Sentiment)}")
    return found


def _quoted(word: str) -> str:
    is_one = len(word) <= MOST_QUOTED and len(word.split()) == 1
    return f"'{harmless(word)}'" if is_one else f"of {len(word)} characters"


def _comparable(text: str, encoding: str) -> str:
    """The text without what a spreadsheet changes: blanks, the apostrophe, and letters that its encoding lacks."""
    text = unicodedata.normalize("NFKC", text)
    if encoding in OLDER:
        # Excel puts ? or _ for them
        text = re.sub("[?_]", "", text.encode(encoding, "ignore").decode(encoding))
    return "".join(text.split()).lstrip("'")


def _changed_weights(labels: Mapping[int, Label]) -> dict[int, str]:
    """Problems of lines whose weight is not that of most others of their stratum."""
    strata: dict[str, Counter[float]] = defaultdict(Counter)
    for label in labels.values():
        strata[label.stratum][label.weight] += 1
    usual = {stratum: weights.most_common(1)[0][0] for stratum, weights in strata.items()}
    return {
        line: f"weight is not that of the other lines of its stratum, {usual[label.stratum]:g}; was one changed?"
        for line, label in labels.items()
        if not isclose(label.weight, usual[label.stratum], rel_tol=1e-4)
    }
