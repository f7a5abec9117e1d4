"""Who has answered: whole definitions, so that each can be asked again."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.records import AnalyserRecord
from pipeline.store.database import insert_ignoring
from pipeline.store.tables import analysers


def note_analyser(connection: sa.Connection, analyser: AnalyserRecord) -> None:
    """Keep a definition under its fingerprint."""
    connection.execute(
        insert_ignoring(connection, analysers).values(
            analyser=analyser.fingerprint,
            model=analyser.model,
            prompt_version=analyser.prompt_version,
            definition=analyser.definition,
        )
    )


def find_analyser(connection: sa.Connection, fingerprint: str) -> AnalyserRecord | None:
    """The definition under a fingerprint; None where there is none, or where only its name is known."""
    query = sa.select(analysers).where(analysers.c.analyser == fingerprint, analysers.c.definition.is_not(None))
    found = connection.execute(query).one_or_none()
    return AnalyserRecord(found.analyser, found.model, found.prompt_version, found.definition) if found else None
