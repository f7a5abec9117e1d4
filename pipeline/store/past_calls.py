"""What the latest paid calls of an analyser came to, for the estimate of the next ones."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, stdev

import sqlalchemy as sa

from pipeline.store.tables import attempts

MOST_CALLS, FEWEST_CALLS = 500, 10
"""How many calls are looked at; fewer say nothing about their spread."""


@dataclass(frozen=True, slots=True)
class PastCalls:
    """The latest paid calls of one analyser, whatever their outcome: a refusal is paid too.

    Without the sentinel's: they ask answered texts again, which an estimate would take for second calls.
    """

    calls: int
    texts: int
    """How many texts they were for: fewer than calls where a text was asked twice."""
    output_tokens: float
    """The mean of a call."""
    output_spread: float
    """The standard deviation of a call's output tokens."""
    reading: int
    """How many calls read from the prompt cache."""


def find_past_calls(connection: sa.Connection, analyser: str) -> PastCalls | None:
    """Those of the analyser with this fingerprint; None where they are too few."""
    query = (
        sa.select(attempts.c.text_id, attempts.c.output_tokens, attempts.c.cached_tokens)
        .where(attempts.c.analyser == analyser, attempts.c.input_tokens > 0, attempts.c.purpose.is_(None))
        .order_by(attempts.c.attempt_id.desc())
        .limit(MOST_CALLS)
    )
    found = connection.execute(query).all()
    if len(found) < FEWEST_CALLS:
        return None
    output = [float(call.output_tokens) for call in found]
    texts, reading = {call.text_id for call in found}, [call for call in found if call.cached_tokens]
    return PastCalls(len(found), len(texts), fmean(output), stdev(output), len(reading))
