"""Who has answered: whole definitions, so that each can be asked again; their names, and which was accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from pipeline.analyser_series import series_of
from pipeline.errors import InputError
from pipeline.records import AnalyserRecord
from pipeline.store.database import Database, insert_ignoring
from pipeline.store.predicates import GOOD
from pipeline.store.tables import analysers, analyses, texts

NAME = re.compile(r"(?![0-9a-f]+$)[a-z][a-z0-9._-]{0,39}")
"""Names of analysers; what might be the beginning of a fingerprint is none."""

RESERVED = ("current", "settings")
"""Words for two analysers: the one of most rows, and the one that the settings define."""

LEAST_PREFIX = 4
"""Characters of a fingerprint that name it, if no other begins so."""


@dataclass(frozen=True, slots=True)
class AnalyserShown:
    """An analyser and what it has done."""

    fingerprint: str
    name: str | None
    series: str
    model: str
    prompt_version: str
    definition: str | None
    """JSON; None where it is not known any more."""
    answers: int
    """Texts to which it has a good answer."""
    rows: int
    """Verbatims whose current analysis is its own."""
    accepted_at: str | None

    @property
    def shown_as(self) -> str:
        """Its name, or the beginning of its fingerprint."""
        return self.name or self.fingerprint[:12]


class Analysers:
    """The analysers of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, analyser: AnalyserRecord) -> None:
        """Keep a definition, so that it can be named before it has answered."""
        with self._database.write() as connection:
            note_analyser(connection, analyser)

    def all(self) -> list[AnalyserShown]:
        """All of them, those with most rows first."""
        answered = sa.select(sa.func.count()).where(
            analyses.c.analyser == analysers.c.analyser, analyses.c.outcome == GOOD
        )
        current = (
            sa.select(sa.func.count())
            .select_from(texts.join(analyses, analyses.c.analysis_id == texts.c.current))
            .where(analyses.c.analyser == analysers.c.analyser, ~texts.c.superseded)
        )
        query = sa.select(analysers, answered.scalar_subquery().label("n"), current.scalar_subquery().label("rows"))
        with self._database.read() as connection:
            found = connection.execute(query).all()
        shown = [
            AnalyserShown(
                a.analyser, a.name, a.series, a.model, a.prompt_version, a.definition, a.n, a.rows, a.accepted_at
            )
            for a in found
        ]
        return sorted(shown, key=lambda one: (-one.rows, -one.answers, one.fingerprint))

    def find(self, word: str) -> AnalyserShown:
        """The one of this name, or whose fingerprint begins so. Raises InputError where that is none, or several."""
        known = self.all()
        by_name = [one for one in known if one.name == word]
        by_print = [one for one in known if len(word) >= LEAST_PREFIX and one.fingerprint.startswith(word)]
        found = by_name or by_print
        if len(found) == 1:
            return found[0]
        why = "several analysers begin so" if found else "the store has no analyser of this name or fingerprint"
        raise InputError(f"{word[:40]!r}: {why}; `verbatims analysers` lists them")

    def record(self, fingerprint: str) -> AnalyserRecord | None:
        """Its definition, to ask it again; None where only its name is known."""
        with self._database.read() as connection:
            return find_analyser(connection, fingerprint)

    def set_name(self, fingerprint: str, name: str) -> None:
        """Give a name, or another one. Raises InputError where it is no name, or another analyser's."""
        if not NAME.fullmatch(name) or name in RESERVED:
            raise InputError(
                f"{name[:40]!r}: a name has lower case letters, digits, and . _ - in it, at most 40; it is neither "
                f"{' nor '.join(RESERVED)} nor like a fingerprint, which has a to f and digits only"
            )
        with self._database.write() as connection:
            theirs = connection.execute(sa.select(analysers.c.analyser).where(analysers.c.name == name)).scalar()
            if theirs not in (None, fingerprint):
                raise InputError(f"{name}: this is the name of analyser {theirs[:12]}")
            connection.execute(sa.update(analysers).where(analysers.c.analyser == fingerprint).values(name=name))

    def note_accepted(self, fingerprint: str) -> None:
        """Its answers were made the current ones just now."""
        values = {"accepted_at": datetime.now(UTC).isoformat(timespec="seconds")}
        with self._database.write() as connection:
            connection.execute(sa.update(analysers).where(analysers.c.analyser == fingerprint).values(values))


def note_analyser(connection: sa.Connection, analyser: AnalyserRecord) -> None:
    """Keep a definition under its fingerprint."""
    connection.execute(
        insert_ignoring(connection, analysers).values(
            analyser=analyser.fingerprint,
            model=analyser.model,
            prompt_version=analyser.prompt_version,
            definition=analyser.definition,
            series=series_of(analyser.fingerprint, analyser.definition),
        )
    )


def find_analyser(connection: sa.Connection, fingerprint: str) -> AnalyserRecord | None:
    """The definition under a fingerprint; None where there is none, or where only its name is known."""
    query = sa.select(analysers).where(analysers.c.analyser == fingerprint, analysers.c.definition.is_not(None))
    found = connection.execute(query).one_or_none()
    return AnalyserRecord(found.analyser, found.model, found.prompt_version, found.definition) if found else None
