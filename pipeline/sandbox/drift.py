"""Drift on request: a share of the answers gets another sentiment, as if the model had changed.

A prompt repairs it. This is a rule of the stand-in, so that improving a prompt can be shown from the first bad number
to the good one; it is no claim about Claude. A request whose system text has a line `<examples>`, the beginning of
a section of examples, is answered without drift.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.records import Sentiment
from pipeline.sandbox.faults import draw
from pipeline.sandbox.shares import check_sum, parse_shares


def parse_drift(spec: str | None) -> dict[str, float]:
    """Parse shares by sentiment such as "negative=0.15,mixed=0.05". None or an empty text means no drift.

    Raises SettingsError for another sentiment, one given twice, a share outside 0..1, or a sum of shares above 1.
    """
    shares = parse_shares("--drift", "sentiment", list(Sentiment), spec)
    check_sum("--drift", "the sentiments", shares.values())
    return shares


def drifted(sentiment: Sentiment, shares: Mapping[str, float], digest: str) -> Sentiment:
    """The sentiment that is answered instead: each one of `shares` replaces that share of the other sentiments.

    The digest of the text decides alone, so the same texts drift in each run, at any seed and with any faults.
    """
    drawn = draw("drift", digest)
    for kind, share in shares.items():
        if drawn < share:
            return Sentiment(kind)
        drawn -= share
    return sentiment
