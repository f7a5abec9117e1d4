#!/usr/bin/env python3
"""Writes the table of the ten metrics into docs/c11/1-metriques.md: names, types and units from the catalogue, words
from metriques.yaml."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from pipeline.telemetry.catalogue import TEN
from pipeline.telemetry.metric import Kind, Metric

FOLDER = Path(__file__).resolve().parent / "c11"
PAGE = FOLDER / "1-metriques.md"
BEGIN, END = "<!-- tableau:debut -->", "<!-- tableau:fin -->"
HEAD = "| Métrique | Type et unité | Ce qu'elle dit | Ce qu'elle ne dit pas |\n|---|---|---|---|\n"

KINDS = {Kind.COUNTER: "compteur", Kind.HISTOGRAM: "histogramme", Kind.GAUGE: "jauge", Kind.UP_DOWN_COUNTER: "jauge"}
"""As Prometheus shows them: an up-down counter is a gauge there."""
UNITS = {
    "{verbatim}": "verbatims",
    "{error}": "erreurs",
    "{response}": "réponses",
    "{character}": "caractères",
    "{topic}": "thèmes",
    "s": "secondes",
    "1": "rapport de 0 à 1",
}


def page() -> str:
    """The page as it should be. Raises KeyError where a metric has no words, ValueError for words without a metric."""
    words = yaml.safe_load((FOLDER / "metriques.yaml").read_text(encoding="utf-8"))
    if unknown := words.keys() - {metric.name for metric in TEN}:
        raise ValueError(f"metriques.yaml: not in the catalogue: {', '.join(sorted(unknown))}")
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    table = HEAD + "".join(_row(metric, words[metric.name]) for metric in TEN)
    return f"{before}{BEGIN}\n\n{table}\n{END}{rest.split(END)[1]}"


def _row(metric: Metric, words: dict[str, str]) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.attributes)
    name = f"`{metric.prometheus_name}`" + (f"<br>étiquettes : {labels}" if labels else "")
    cells = (name, f"{KINDS[metric.kind]}, {UNITS[metric.unit]}", words["dit"], words["ne_dit_pas"])
    return f"| {' | '.join(cells)} |\n"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
