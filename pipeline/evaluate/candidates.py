"""New topics grouped by theme, and labels that resemble them: a person chooses among these for the list of topics.

Pure functions: the caller gives what was said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.errors import SettingsError
from pipeline.topic_key import label_words, topic_key

QUOTES = 3
"""Quotes kept per theme: enough to see what is meant."""

NEIGHBOURS = 3

SIMILAR_FROM = 80.0
"""Score of token_set_ratio, 0 to 100, from which labels are neighbours. A slip of the pen scores 94 ("notificatoins
push") and a label within another 100; "qualité du son" and "qualité de l'image" score 78, "sound" and "audio quality"
77, which no spelling can tell apart."""


@dataclass(frozen=True, slots=True)
class Said:
    """A new topic as one answer names it."""

    label: str
    definition: str
    quote: str | None
    """None once it is erased."""
    source: str
    language: str | None
    """ISO 639-1, of the verbatim; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A theme: all new topics whose labels have one key."""

    key: str
    """As topic_key makes it."""
    label: str
    """The most frequent spelling; of several the first by alphabet."""
    definition: str
    """The first one given with that spelling."""
    count: int
    """How often it was said: a verbatim that names it in two spellings counts twice."""
    sources: Mapping[str, int]
    languages: Mapping[str, int]
    """Without the verbatims whose language is not known."""
    spellings: Mapping[str, int]
    """These three have the most frequent first."""
    quotes: tuple[str, ...]
    """The first three different ones."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A label that resembles a candidate's."""

    key_or_topic_id: str
    label: str
    """Of a known topic the name that resembles most."""
    score: float
    """80 to 100; 100 where all words of one label are in the other."""
    known: bool
    """Whether it is a topic of the list; else it is another candidate."""


def collect(said: Iterable[Said]) -> list[Candidate]:
    """The themes of all that was said, the most frequent first. Blank labels are left out.

    Memory grows with the number of different labels, not with that of answers.
    """
    tallies: dict[str, _Tally] = {}
    for one in said:
        if key := topic_key(one.label):
            tallies.setdefault(key, _Tally()).add(one)
    candidates = [tally.candidate(key) for key, tally in tallies.items()]
    return sorted(candidates, key=lambda candidate: (-candidate.count, candidate.key))


def neighbours(candidates: Sequence[Candidate], known: Mapping[str, tuple[str, ...]]) -> dict[str, list[Neighbour]]:
    """At most three labels that resemble each candidate's, by its key, the most similar first.

    They are labels of other candidates and names of known topics: `known` gives names by id, such as the topic's texts
    in French and in English, of which the part before the colon counts; the id is a name too. The time grows with the
    square of the number of candidates, 1 s for 1000: give the most frequent ones. Raises SettingsError where rapidfuzz
    is missing.

    The score is rapidfuzz's token_set_ratio, https://rapidfuzz.github.io/RapidFuzz/Usage/fuzz.html#token-set-ratio.
    """
    names = [_Name(one.key, one.label, known=False) for one in candidates]
    names += [_Name(topic, name, known=True) for topic, given in known.items() for name in _names(topic, given)]
    plain = [_plain(name.label) for name in names]
    return {one.key: _nearest(one, names, plain) for one in candidates}


@dataclass(slots=True)
class _Tally:
    """The counts of one theme."""

    sources: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    spellings: Counter[str] = field(default_factory=Counter)
    definitions: dict[str, str] = field(default_factory=dict)
    quotes: list[str] = field(default_factory=list)

    def add(self, said: Said) -> None:
        self.sources[said.source] += 1
        self.spellings[said.label] += 1
        self.definitions.setdefault(said.label, said.definition)
        if said.language is not None:
            self.languages[said.language] += 1
        if said.quote is not None and said.quote not in self.quotes and len(self.quotes) < QUOTES:
            self.quotes.append(said.quote)

    def candidate(self, key: str) -> Candidate:
        spellings = _sorted(self.spellings)
        label = next(iter(spellings))
        counts = (self.spellings.total(), _sorted(self.sources), _sorted(self.languages), spellings)
        return Candidate(key, label, self.definitions[label], *counts, tuple(self.quotes))


@dataclass(frozen=True, slots=True)
class _Name:
    whose: str
    label: str
    known: bool


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """The most frequent first; by alphabet where counts are equal, so that the order of the input decides nothing."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _names(topic: str, given: Collection[str]) -> list[str]:
    return [topic.replace("_", " "), *(name.partition(":")[0].strip() for name in given)]


def _plain(label: str) -> str:
    return " ".join(label_words(label))


def _nearest(candidate: Candidate, names: Sequence[_Name], plain: Sequence[str]) -> list[Neighbour]:
    found: dict[tuple[str, bool], Neighbour] = {}
    for at, score in _similar(_plain(candidate.label), plain):
        name = names[at]
        if name.known or name.whose != candidate.key:
            found.setdefault((name.whose, name.known), Neighbour(name.whose, name.label, score, name.known))
    return list(found.values())[:NEIGHBOURS]


def _similar(label: str, plain: Sequence[str]) -> list[tuple[int, float]]:
    """Which of the labels resemble one, and their scores; the most similar first, then in the order given."""
    try:
        from rapidfuzz import fuzz, process
    except ImportError:
        raise SettingsError("similar topics need one more package: pip install 'verbatims[model]'") from None
    found = process.extract(label, plain, scorer=fuzz.token_set_ratio, score_cutoff=SIMILAR_FROM, limit=None)
    return [(at, score) for _, score, at in found]
