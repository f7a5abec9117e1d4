"""One colour, one dash and one French word for each meaning, the same in every panel and report.

The project's own values and not a palette of Grafana: `palette-colorblind` exists from Grafana 13 on, and older ones
fail on it. A test computes the contrast of each with both themes, and how far apart the colours of one scale stay for
people who see red, green or blue differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.report.palette import BLUE, GREY, VERMILION, VIOLET

DARK, LIGHT = "#181b1f", "#ffffff"
"""Grafana's background behind a panel, in each theme."""

ROSE, OCHRE, LAVENDER, MAGENTA = "#bd7592", "#7c673c", "#8383c3", "#be00cc"
"""Beside those that reports have too."""

SOLID: tuple[int, ...] = ()
DASHES, DOTS = (10, 10), (2, 6)
LONG, SHORT, STROKES, MIXED = (20, 8), (5, 5), (30, 4), (20, 6, 3, 6)


@dataclass(frozen=True, slots=True)
class Look:
    """How one meaning looks: its colour, the dash of its line, and what French readers call it."""

    colour: str
    dash: tuple[int, ...]
    """Lengths of strokes and gaps; a line of a scale has a dash of its own, for those who can't tell the colours."""
    french: str


Scale = Mapping[str, Look]

SENTIMENT: Scale = {
    "positive": Look(BLUE, SOLID, "positif"),
    "neutral": Look(GREY, DOTS, "neutre"),
    "negative": Look(VERMILION, DASHES, "négatif"),
    "mixed": Look(VIOLET, MIXED, "mitigé"),
}
OUTCOME: Scale = {
    "analysed": Look(BLUE, SOLID, "analysé"),
    "refused": Look(OCHRE, DOTS, "refusé par le modèle"),
    "empty": Look(ROSE, SHORT, "réponse vide"),
    "truncated": Look(LAVENDER, LONG, "réponse coupée"),
    "unreadable": Look(VIOLET, MIXED, "réponse illisible"),
    "unstorable": Look(MAGENTA, STROKES, "réponse refusée par la base"),
    "failed": Look(VERMILION, DASHES, "échec"),
}
LENGTH: Scale = {
    "short": Look(BLUE, SOLID, "court"),
    "medium": Look(VERMILION, DASHES, "moyen"),
    "long": Look(VIOLET, MIXED, "long"),
}
SKIP_REASON: Scale = {
    "no_text": Look(OCHRE, DOTS, "sans texte"),
    "too_short": Look(BLUE, SOLID, "trop court"),
    "too_long": Look(VIOLET, MIXED, "trop long"),
    "duplicate": Look(VERMILION, DASHES, "doublon"),
}
TOKENS: Scale = {
    "input": Look(BLUE, SOLID, "entrée"),
    "output": Look(VERMILION, DASHES, "sortie"),
    "cached": Look(VIOLET, MIXED, "lus dans le cache"),
    "thinking": Look(OCHRE, DOTS, "réflexion"),
}
QUANTILE: Scale = {
    "p50": Look(BLUE, SOLID, "la moitié des appels"),
    "p95": Look(VERMILION, DASHES, "95 % des appels"),
    "p99": Look(VIOLET, MIXED, "99 % des appels"),
}
SCALES: Mapping[str, Scale] = {
    "sentiment": SENTIMENT,
    "outcome": OUTCOME,
    "length": LENGTH,
    "reason": SKIP_REASON,
    "type": TOKENS,
    "quantile": QUANTILE,
}
"""By the label whose values a scale is about."""
ORDER = (
    Look(BLUE, SOLID, ""),
    Look(VERMILION, DASHES, ""),
    Look(VIOLET, MIXED, ""),
    Look(OCHRE, DOTS, ""),
    Look(ROSE, SHORT, ""),
    Look(LAVENDER, LONG, ""),
)
"""For the named lines of a panel that belong to no scale, in the order in which the panel names them."""


def colours() -> Iterator[str]:
    """Every colour in use, once."""
    looks = [look for scale in (*SCALES.values(), dict(enumerate(ORDER))) for look in scale.values()]
    yield from dict.fromkeys(look.colour for look in looks)
