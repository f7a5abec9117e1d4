"""The dashboard *Pipeline*: what happens now, what has happened ever, how it went the last time."""

from __future__ import annotations

import pipeline_ever
import pipeline_last_time
import pipeline_now
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard
from panels import row, words

PLACES = """\
| | FR | EN | source |
|---|---|---|---|
| **Now** | Que font les processus en ce moment ? Un point (exemplaire) d'un panneau de latence ouvre la trace de cet \
appel à Claude. | What are the processes doing? A dot (exemplar) in a latency panel opens the trace of that call to \
Claude. | Collector |
| **Ever** | Combien en tout, depuis le premier lancement ? Exact, ne retombe jamais à zéro. | How much in all, since \
the first run? Exact, never reset. | `store_…`, exporter |
| **Last time** | Comment s'est passé le dernier lot, même si rien ne tourne ? | How did the last batch go, even if \
nothing runs? | `batch_…`, Pushgateway |
"""


def pipeline() -> dashboard.Dashboard:
    """The whole dashboard; each row is a file of its own."""
    made = build.Dashboard("Pipeline").uid("pipeline").tags(["verbatims"]).readonly().timezone("browser")
    made.description(
        "FR: les dix métriques du traitement des verbatims, leurs traces et le dernier lot.\n\n"
        "EN: the ten metrics of the verbatims pipeline, their traces and the last batch."
    )
    made.time("now-6h", "now").refresh("10s").tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    made.with_panel(
        words(
            "Three places, three questions · Trois endroits, trois questions",
            "ce que chaque rangée répond, et d'où viennent ses nombres.",
            "what each row answers, and where its numbers come from.",
            PLACES,
            height=6,
        )
    )
    for rows in (pipeline_now, pipeline_ever, pipeline_last_time):
        made.with_row(row(rows.TITLE))
        for panel in rows.panels():
            made.with_panel(panel)
    return _numbered(made.build())


def _numbered(made: dashboard.Dashboard) -> dashboard.Dashboard:
    """Panels by their place: links to one stay valid as long as the order does."""
    for number, panel in enumerate(made.panels or [], 1):
        panel.id_val = number
    return made
