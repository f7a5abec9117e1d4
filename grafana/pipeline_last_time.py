"""The row *Last time*: what the last batch of each task left in the Pushgateway, visible when nothing runs."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import LATE_S, Panel, cells, column, latest, numbers, said, series, transformed

from pipeline.telemetry import catalogue
from pipeline.telemetry.metric import Metric

TITLE = "Last time · La dernière fois"
GROUP = 'label_join({}, "task", " · ", "dag_id", "task_id")'
"""A task by one name: its DAG's and its own."""
LEFT, STATE = "left · reste", "state · état"
LOAD, PUBLISH = 'task_id="load"', 'task_id="publish"'


def panels() -> list[Panel]:
    """First whether the night went well, then task by task."""
    return [_freshness(), _tasks(), _outcomes(), _deadlines(), _warnings()]


def last(metric: Metric, *picked: str) -> str:
    """What the last batch of a task left."""
    return series(metric.prometheus_name, *picked)


def _freshness() -> Panel:
    # the load is the last task: without it there are no rows
    age = f"(time() - max({last(catalogue.BATCH_LAST_SUCCESS, LOAD)}))"
    return numbers(
        "Age of the last load",
        "temps écoulé depuis le dernier chargement réussi ; en retard à partir de 26 h (NoRun suit l'échéance du DAG).",
        "time since the last successful load; late from 26 h on (NoRun goes by the deadline of the DAG).",
        units.Seconds,
        latest(age, "since · depuis"),
        latest(f"{age} > bool {LATE_S}", STATE),
        width=4,
    ).override_by_name(STATE, column(units.NoUnit, mappings=said(no="on time · à l'heure", yes="late · en retard")))


def _tasks() -> Panel:
    values = {
        "since success · depuis le succès": f"time() - {last(catalogue.BATCH_LAST_SUCCESS)}",
        "succeeded (1) · réussie (1)": last(catalogue.BATCH_SUCCEEDED),
        "duration · durée": last(catalogue.BATCH_DURATION),
        "cost · coût": last(catalogue.BATCH_COST),
        "errors · erreurs": last(catalogue.BATCH_ERRORS),
        "try · essai": last(catalogue.BATCH_TRY),
    }
    names = {f"Value #{letter}": name for letter, name in zip("ABCDEF", values, strict=True)} | {"task": "task · tâche"}
    table = cells(
        "Last batch of each task",
        "par tâche : temps depuis son dernier succès ; la dernière exécution (0 : échec).",
        "by task: time since its last success; its latest execution (0: failed).",
        units.Seconds,
        *(latest(f"max by (task) ({GROUP.format(value)})") for value in values.values()),
        width=10,
    )
    table.override_by_name("cost · coût", column(units.Dollars))
    for name in ("succeeded (1) · réussie (1)", "errors · erreurs", "try · essai"):
        table.override_by_name(name, column("none"))
    return table.transformations(
        [transformed("merge"), transformed("organize", excludeByName={"Time": True}, renameByName=names)]
    )


def _outcomes() -> Panel:
    verbatims = GROUP.format(last(catalogue.BATCH_VERBATIMS))
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


def _deadlines() -> Panel:
    left = f"max by (dag_id) ({last(catalogue.BATCH_DEADLINE, PUBLISH)} - time())"
    names = {
        "dag_id": "DAG",
        "Value #A": "next start in · prochain départ dans",
        "Value #B": LEFT,
        "Value #C": STATE,
    }
    table = cells(
        "Deadline of the next publish",
        "par DAG : temps avant le prochain départ prévu et avant l'échéance de la prochaine publication ; négatif et "
        "rouge une fois passée, comme l'alerte NoRun. Vide tant qu'aucun DAG n'a publié.",
        "by DAG: time until its next planned start, and until the next publish has to succeed; negative and red once "
        "past, like the alert NoRun. Empty until a DAG has published.",
        units.Seconds,
        latest(f"max by (dag_id) ({last(catalogue.BATCH_NEXT_START, PUBLISH)} - time())"),
        latest(left),
        latest(f"{left} < bool 0"),
        width=16,
    )
    # the word beside it says the same
    red_when_past = {"mode": "absolute", "steps": [{"value": None, "color": "red"}, {"value": 0, "color": "blue"}]}
    table.override_by_name(
        LEFT,
        column(
            units.Seconds,
            color={"mode": "thresholds"},
            thresholds=red_when_past,
            **{"custom.cellOptions": {"type": "color-text"}},
        ),
    )
    table.override_by_name(STATE, column(units.NoUnit, mappings=said(no="in time · à temps", yes="past · dépassée")))
    return table.transformations(
        [transformed("merge"), transformed("organize", excludeByName={"Time": True}, renameByName=names)]
    )


def _warnings() -> Panel:
    return numbers(
        "Check warnings",
        "avertissements des contrôles de l'entrepôt à la dernière publication de chaque DAG (alerte CheckWarnings) ; "
        "le journal de publish les donne.",
        "warnings of the checks of the warehouse at the last publish of each DAG (alert CheckWarnings); the log of "
        "publish has them.",
        "suffix:warnings",
        latest(f"max by (dag_id) ({last(catalogue.BATCH_WARNINGS)})", "{{dag_id}}"),
        width=8,
    )
