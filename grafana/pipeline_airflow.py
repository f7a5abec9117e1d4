"""The row *Airflow*: whether what starts the nightly run is there, and what waits in it."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from links import dag
from panels import Panel, cells, column, in_order, lines, merged, numbers, said
from promql import latest, query

TITLE = "Airflow"
BEATS = "sum(increase(airflow_{}_heartbeat_total[2m]))"
"""Over all instances, since those of ended ones stay flat. As in the alert AirflowDown."""


def panels() -> list[Panel]:
    """First whether it is there, then what it does, then how its runs went."""
    return [_parts(), _slots(), _runs()]


def _parts() -> Panel:
    panel = numbers(
        "Airflow's parts · Composants",
        "scheduler, dag-processor et triggerer : un signe de vie depuis 2 minutes ? Fichiers de DAGs non lus.",
        "scheduler, dag-processor and triggerer: a heartbeat within 2 minutes? Files of DAGs that could not be read.",
        units.NoUnit,
        latest(f"{BEATS.format('scheduler')} > bool 0", "scheduler"),
        latest(f"{BEATS.format('dag_processor')} > bool 0", "dag-processor"),
        latest(f"{BEATS.format('triggerer')} > bool 0", "triggerer"),
        latest("max(airflow_dag_processing_import_errors)", "import errors · erreurs de lecture"),
    )
    for part in ("scheduler", "dag-processor", "triggerer"):
        words = said(no="down · arrêté", yes="up · en marche")
        panel.override_by_name(part, column(units.NoUnit, mappings=words))
    return panel


def _slots() -> Panel:
    # a gauge stays for 30 hours: only while somebody reports it
    shown = f"max(airflow_executor_{{}}) and {BEATS.format('scheduler')} > 0"
    names = "running · en cours", "queued · en attente", "free · libres"
    panel = lines(
        "Tasks in the executor · Tâches",
        "tâches en cours et en attente d'une place, et places libres.",
        "tasks that run, tasks that wait for a slot, and free slots.",
        "none",
        query(shown.format("running_tasks"), names[0]),
        query(shown.format("queued_tasks"), names[1]),
        query(shown.format("open_slots"), names[2]),
        width=16,
    )
    return in_order(panel, *names)


def _runs() -> Panel:
    # means: what Airflow sends are exponential histograms, of which Prometheus keeps sum and count
    total = "sum by (dag_id) (increase(airflow_dagrun_{}_milliseconds_{}[1d]))"
    mean = f"{total.format('{0}', 'sum')} / ({total.format('{0}', 'count')} > 0) / 1000"
    failed, succeeded = (total.format(f"duration_{ended}", "count") for ended in ("failed", "success"))
    values = {
        "duration · durée": mean.format("duration_success"),
        "delay · retard": mean.format("schedule_delay"),
        "failed · échecs": f"{failed} or {succeeded} * 0",
    }
    names = {f"Value #{letter}": name for letter, name in zip("ABC", values, strict=True)} | {"dag_id": "DAG"}
    table = cells(
        "Runs of each DAG · Lancements de chaque DAG",
        "durée moyenne d'un run réussi, retard moyen de son départ, runs échoués, sur 24 heures.",
        "mean duration of a successful run, mean delay of its start, failed runs, over 24 hours.",
        units.Seconds,
        *(latest(value) for value in values.values()),
    )
    table.override_by_name("failed · échecs", column("none", decimals=0))
    table.override_by_name("DAG", column(units.NoUnit, links=[dag("DAG")]))
    return merged(table, names, list(names))
