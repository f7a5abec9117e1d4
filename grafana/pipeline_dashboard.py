"""The dashboard *Pipeline*: the alerts, the last run, then a row for each question: now, of late, ever, servers."""

from __future__ import annotations

import pipeline_airflow
import pipeline_alerts
import pipeline_ever
import pipeline_help
import pipeline_last_hours
import pipeline_last_run
import pipeline_now
import pipeline_servers
from boards import begun, several, with_rows
from grafana_foundation_sdk.models import dashboard

from pipeline.telemetry import catalogue

ROWS = (
    pipeline_last_run,
    pipeline_now,
    pipeline_last_hours,
    pipeline_ever,
    pipeline_servers,
    pipeline_airflow,
    pipeline_help,
)


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
    return with_rows(made, ROWS)
