"""Named conditions on texts, each defined once; the store's queries are made of them."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.records import Outcome
from pipeline.store.tables import analyses, texts

Condition = sa.ColumnElement[bool]

GOOD = Outcome.ANALYSED.value

LATEST: Condition = ~texts.c.superseded
"""No edited text has replaced it."""

ANALYSED: Condition = texts.c.current.is_not(None)
"""It has a good analysis: it counts as analysed, once and for good."""

UNCLEANED: Condition = ~texts.c.kept & texts.c.skip_reason.is_(None) & texts.c.text.is_not(None) & LATEST
"""Cleaning has not looked at it yet."""

# these four, word for word: SQLite uses a partial index only where the query repeats its condition
_OPEN: Condition = texts.c.current.is_(None) & texts.c.skip_reason.is_(None) & texts.c.text.is_not(None) & LATEST
"""The words of the partial indexes `texts_unanswered` and `texts_open`."""


def has_final_outcome() -> Condition:
    """Some analyser has a good answer or a final failure: a run does not send it again."""
    return sa.exists().where(analyses.c.text_id == texts.c.text_id)


def unanswered() -> Condition:
    """It may be asked, and no analyser has a good answer or a final outcome for it. Not cleaned yet, perhaps."""
    return _OPEN & ~has_final_outcome()


def pending(analyser: str | None = None) -> Condition:
    """It is worth a request and waits for one: of any analyser, or, in a re-analysis, of this one."""
    if analyser is None:
        return texts.c.kept & unanswered()
    asked = sa.exists().where(analyses.c.text_id == texts.c.text_id, analyses.c.analyser == analyser)
    return texts.c.kept & texts.c.text.is_not(None) & LATEST & ~asked


def failed(analyser: str | None = None) -> Condition:
    """All that has answered it failed for good: of any analyser, or, in a re-analysis, of this one."""
    rows = sa.exists().where(analyses.c.text_id == texts.c.text_id)
    if analyser is None:
        return texts.c.kept & _OPEN & rows & ~rows.where(analyses.c.outcome == GOOD)
    words = texts.c.kept & texts.c.text.is_not(None) & LATEST
    return words & rows.where(analyses.c.analyser == analyser, analyses.c.outcome != GOOD)
