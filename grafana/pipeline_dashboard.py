"""The dashboard *Pipeline*: the alerts, the last run, then a row for each question: now, of late, ever, servers."""

from __future__ import annotations

import pipeline_airflow
import pipeline_alerts
import pipeline_ever
import pipeline_last_hours
import pipeline_last_run
import pipeline_now
import pipeline_servers
from boards import begun, several, with_rows
from grafana_foundation_sdk.models import dashboard
from panels import words

from pipeline.telemetry import catalogue

PLACES = """\
| | FR | EN | source |
|---|---|---|---|
| **Last run** | Comment s'est passé le dernier lancement, et quand est le prochain ? | How did the last run go, and \
when is the next one due? | `batch_…`, Pushgateway |
| **Now** | Que font les processus en ce moment ? | What are the processes doing? | Collector |
| **Last 30 hours** | Qu'a donné la nuit, à toute heure du jour ? Le matin, deux nuits peuvent y être. | What did the \
night come to, at any hour of the day? In the morning it may hold two nights. | Collector |
| **Ever** | Combien en tout, depuis le premier lancement ? Exact, ne retombe jamais à zéro. | How much in all, since \
the first run? Exact, never reset. | `store_…`, exporter |
| **Servers** | Reste-t-il de la place, quelque chose se perd-il ? | Is there room left, is anything lost? | exporter, \
Collector, Tempo |
| **Airflow** | Le planificateur est-il là, que fait-il attendre ? | Is the scheduler there, what waits in it? \
| Airflow, by the Collector |
"""
ROWS = (pipeline_last_run, pipeline_now, pipeline_last_hours, pipeline_ever, pipeline_servers, pipeline_airflow)


def pipeline() -> dashboard.Dashboard:
    """The whole dashboard; each row is a file of its own."""
    made = begun(
        "Pipeline",
        "pipeline",
        "les alertes, le dernier lancement et les dix métriques du traitement des verbatims.",
        "the alerts, the last run and the ten metrics of the verbatims pipeline.",
        [
            several("source", "Source", "source", catalogue.ANALYZED, catalogue.SKIPPED),
            several("dag", "DAG", "dag_id", catalogue.BATCH_LAST_SUCCESS),
        ],
    )
    for panel in pipeline_alerts.panels():
        made.with_panel(panel)
    made.with_panel(
        words(
            "Six rows, six questions · Six rangées, six questions",
            "ce que chaque rangée répond, et d'où viennent ses nombres.",
            "what each row answers, and where its numbers come from.",
            PLACES,
            height=11,
        )
    )
    return with_rows(made, ROWS)
