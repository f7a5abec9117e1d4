"""The dashboard *Pipeline*: the alerts, then a row for each question: now, of late, ever, last time, servers."""

from __future__ import annotations

import pipeline_airflow
import pipeline_alerts
import pipeline_ever
import pipeline_last_hours
import pipeline_last_time
import pipeline_now
import pipeline_servers
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard
from panels import PROMETHEUS, row, words

from pipeline.telemetry import catalogue

PLACES = """\
| | FR | EN | source |
|---|---|---|---|
| **Now** | Que font les processus en ce moment ? Un point (exemplaire) d'un panneau de latence ouvre la trace de cet \
appel à Claude. | What are the processes doing? A dot (exemplar) in a latency panel opens the trace of that call to \
Claude. | Collector |
| **Last 30 hours** | Qu'a donné la nuit, à toute heure du jour ? Le matin, deux nuits peuvent y être. | What did the \
night come to, at any hour of the day? In the morning it may hold two nights. | Collector |
| **Ever** | Combien en tout, depuis le premier lancement ? Exact, ne retombe jamais à zéro. | How much in all, since \
the first run? Exact, never reset. | `store_…`, exporter |
| **Last time** | Comment s'est passé le dernier lot, et quand est le prochain ? | How did the last batch go, and when \
is the next one due? | `batch_…`, Pushgateway |
| **Airflow** | Le planificateur est-il là, que fait-il attendre ? | Is the scheduler there, what waits in it? \
| Airflow, by the Collector |
| **Servers** | Reste-t-il de la place, quelque chose se perd-il ? | Is there room left, is anything lost? | exporter, \
Collector, Tempo |
"""
ROWS = (pipeline_now, pipeline_last_hours, pipeline_ever, pipeline_last_time, pipeline_servers, pipeline_airflow)
LABELLED = "|".join(
    (
        f"store_{catalogue.EMPTY_RESPONSES.prometheus_name}",
        catalogue.CALLS.prometheus_name,
        catalogue.BATCH_LAST_SUCCESS.prometheus_name,
    )
)
"""One metric of each kind: an environment is offered as soon as any of them has it."""


def pipeline() -> dashboard.Dashboard:
    """The whole dashboard; each row is a file of its own."""
    made = build.Dashboard("Pipeline").uid("pipeline").tags(["verbatims"]).readonly().timezone("browser")
    made.description(
        "FR: les alertes, les dix métriques du traitement des verbatims, leurs traces et le dernier lot.\n\n"
        "EN: the alerts, the ten metrics of the verbatims pipeline, their traces and the last batch."
    )
    # a day: last night's curves are there at any hour
    made.time("now-24h", "now").refresh("10s").tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    made.with_variable(_environment())
    for panel in pipeline_alerts.panels():
        made.with_panel(panel)
    made.with_panel(
        words(
            "Six rows, six questions · Six rangées, six questions",
            "ce que chaque rangée répond, et d'où viennent ses nombres.",
            "what each row answers, and where its numbers come from.",
            PLACES,
            height=8,
        )
    )
    for rows in ROWS:
        made.with_row(row(rows.TITLE))
        for panel in rows.panels():
            made.with_panel(panel)
    return _numbered(made.build())


def _environment() -> build.QueryVariable:
    """One at a time, prod where there is one: Grafana takes the first of the list where this default isn't in it."""
    asked = f'label_values({{__name__=~"{LABELLED}"}}, {catalogue.ENVIRONMENT_LABEL})'
    made = build.QueryVariable("environment").label("Environment · Environnement").datasource(PROMETHEUS)
    made.query({"query": asked, "refId": "environment", "qryType": 1}).definition(asked)
    made.current(dashboard.VariableOption(selected=True, text="prod", value="prod"))
    made.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    return made.multi(False).include_all(False).allow_custom_value(False)


def _numbered(made: dashboard.Dashboard) -> dashboard.Dashboard:
    """Panels by their place: links to one stay valid as long as the order does."""
    for number, panel in enumerate(made.panels or [], 1):
        panel.id_val = number
    return made
