"""The row *Last time*: what the last batch of each task left in the Pushgateway, visible when nothing runs."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import LATE_S, Panel, cells, column, latest, numbers, said, transformed

from pipeline.telemetry import catalogue

TITLE = "Last time · La dernière fois"
GROUP = 'label_join({}, "task", " · ", "dag_id", "task_id")'
"""A task by one name: its DAG's and its own."""


def panels() -> list[Panel]:
    """First whether the night went well, then task by task."""
    return [_freshness(), _tasks(), _outcomes()]


def _freshness() -> Panel:
    # the load is the last task: without it there are no rows
    age = f'(time() - max({catalogue.BATCH_LAST_SUCCESS.prometheus_name}{{task_id="load"}}))'
    return numbers(
        "Age of the last load",
        "temps écoulé depuis le dernier chargement réussi ; en retard à partir de 26 h, comme l'alerte NoRun.",
        "time since the last successful load; late from 26 h on, like the alert NoRun.",
        units.Seconds,
        latest(age, "since · depuis"),
        latest(f"{age} > bool {LATE_S}", "state · état"),
        width=4,
    ).override_by_name(
        "state · état", column(units.NoUnit, mappings=said(no="on time · à l'heure", yes="late · en retard"))
    )


def _tasks() -> Panel:
    values = {
        "since success · depuis le succès": f"time() - {catalogue.BATCH_LAST_SUCCESS.prometheus_name}",
        "duration · durée": catalogue.BATCH_DURATION.prometheus_name,
        "cost · coût": catalogue.BATCH_COST.prometheus_name,
        "errors · erreurs": catalogue.BATCH_ERRORS.prometheus_name,
        "try · essai": catalogue.BATCH_TRY.prometheus_name,
    }
    names = {f"Value #{letter}": name for letter, name in zip("ABCDE", values, strict=True)} | {"task": "task · tâche"}
    table = cells(
        "Last batch of each task",
        "par tâche : temps écoulé depuis son dernier succès ; durée, coût, erreurs et essai de la dernière exécution.",
        "by task: time since its last success; duration, cost, errors and try of its latest execution.",
        units.Seconds,
        *(latest(f"max by (task) ({GROUP.format(value)})") for value in values.values()),
        width=10,
    )
    table.override_by_name("cost · coût", column(units.Dollars))
    for name in ("errors · erreurs", "try · essai"):
        table.override_by_name(name, column("none"))
    return table.transformations(
        [transformed("merge"), transformed("organize", excludeByName={"Time": True}, renameByName=names)]
    )


def _outcomes() -> Panel:
    verbatims = GROUP.format(catalogue.BATCH_VERBATIMS.prometheus_name)
    return cells(
        "Verbatims of the last batch",
        "par tâche : ce qu'étaient devenus les verbatims du lancement quand elle s'est terminée.",
        "by task: what had become of the run's verbatims when it ended.",
        "none",
        latest(f"max by (task, outcome) ({verbatims})"),
        width=10,
    ).transformations(
        [transformed("groupingToMatrix", columnField="outcome", rowField="task", valueField="Value", emptyValue="null")]
    )
