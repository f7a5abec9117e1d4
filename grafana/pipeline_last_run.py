"""The row *Last run*: what the last run of each DAG left in the Pushgateway, visible when nothing runs."""

from __future__ import annotations

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.builders import table as build_table
from grafana_foundation_sdk.models import units
from links import dag
from palette import BLUE, VERMILION
from panels import Panel, cells, column, merged, numbers, said
from promql import latest, series

from pipeline.telemetry import catalogue
from pipeline.telemetry.metric import Metric

TITLE = "Last run · Dernier lancement"
TASKS = {"scrape": "lire", "clean": "nettoyer", "analyse": "analyser", "load": "charger", "publish": "publier"}
"""In the order in which they run, with their French names."""
EVERY = TASKS | {"expire": "effacer"}
DAG, DAGS = "DAG", 'dag_id=~"$dag"'
ANALYSED = 'task_id=~"analyse|load|publish"'
PENDING, ERRORS, STATE = "pending · en attente", "errors · erreurs", "state · état"
LEFT = "left · reste"
DONE = said(no="failed · échec", yes="done · réussie", _2="not reached · non atteinte", _3="not reached · non atteinte")
SAME_RUN_S = 60
"""A process that does all stages pushes them within seconds of each other, in any order."""


def panels() -> list[Panel]:
    """First the whole run at a glance, then task by task, then what it is late for."""
    return [_runs(), _tasks(), _outcomes(), _deadlines(), _warnings()]


def last(metric: Metric, *picked: str) -> str:
    """What the last batch of a task left, of the DAGs chosen at the top."""
    return series(metric.prometheus_name, DAGS, *picked)


def pending(*picked: str) -> str:
    """Verbatims without an outcome."""
    return last(catalogue.BATCH_VERBATIMS, 'outcome="pending"', *picked)


def state(task: str) -> str:
    """1 where the task came to its end, 0 where it failed, 2 or 3 where it was not reached since the last scrape."""
    own, first = (
        f"max by (dag_id) ({series('push_time_seconds', DAGS, picked)})" for picked in _picked(task, "scrape")
    )
    before = f"({own} < bool {first} - {SAME_RUN_S} or {own} * 0)"
    return f"max by (dag_id) ({last(catalogue.BATCH_SUCCEEDED, *_picked(task))}) + 2 * {before}"


def _picked(*tasks: str) -> tuple[str, ...]:
    return tuple(f'task_id="{task}"' for task in tasks)


def _runs() -> Panel:
    values = {
        # before its analysis every verbatim is pending
        PENDING: f"{_now(pending(ANALYSED))} or {_now(pending())}",
        ERRORS: _now(last(catalogue.BATCH_ERRORS)),
        **{f"{task} · {french}": state(task) for task, french in TASKS.items()},
        "published · publié": f"time() - max by (dag_id) ({last(catalogue.BATCH_LAST_SUCCESS, *_picked('publish'))})",
    }
    table = cells(
        "Last run of each DAG · Dernier lancement de chaque DAG",
        "une ligne par DAG (cli : en ligne de commande) : verbatims en attente, erreurs, puis l'état de chaque tâche "
        "dans l'ordre : réussie, échec, ou « non atteinte » par le dernier lancement ; enfin le "
        "temps depuis la dernière publication. Cliquer sur le DAG ouvre ses lancements dans Airflow.",
        "a line per DAG (cli: on the command line): pending verbatims, errors, then the state of each task in order: "
        "done, failed, or “not reached” by the last run; then the time since the last "
        "publish. A click on the DAG opens its runs in Airflow.",
        "none",
        *(latest(value) for value in values.values()),
    )
    for task, french in TASKS.items():
        table.override_by_name(f"{task} · {french}", column(units.NoUnit, mappings=DONE))
    table.override_by_name("published · publié", column(units.Seconds))
    return by_dag(table, list(values))


def _now(value: str) -> str:
    """The highest of the tasks that pushed last, within a minute, by DAG."""
    pushed = series("push_time_seconds", DAGS)
    newest = f"({pushed} > on (dag_id) group_left () (max by (dag_id) ({pushed}) - {SAME_RUN_S}))"
    return f"max by (dag_id) ({value} and on (dag_id, task_id) {newest})"


def by_dag(table: build_table.Panel, columns: list[str]) -> Panel:
    """One line for each DAG, whose name leads to Airflow; the columns stand in the order of the queries."""
    asked = [f"Value #{letter}" for letter in "ABCDEFGHIJKL"[: len(columns)]]
    names = {"dag_id": DAG} | dict(zip(asked, columns, strict=True))
    table.override_by_name(DAG, column(units.NoUnit, links=[dag(DAG)]))
    return merged(table, names, ["dag_id", *asked])


def _by_task(value: str) -> prometheus.Dataquery:
    """With a label that sorts as the tasks run: `2 clean · nettoyer`."""
    for place, (task, french) in enumerate(EVERY.items(), 1):
        value = f'label_replace({value}, "step", "{place} {task} · {french}", "task_id", "{task}")'
    return latest(f"max by (dag_id, step) ({value})")


def _task_table(title: str, fr: str, en: str, values: dict[str, str]) -> build_table.Panel:
    table = cells(title, fr, en, "none", *(_by_task(value) for value in values.values()))
    asked = [f"Value #{letter}" for letter in "ABCDEFGHIJKL"[: len(values)]]
    names = {"dag_id": DAG, "step": "task · tâche"} | dict(zip(asked, values, strict=True))
    return merged(table, names, ["dag_id", "step", *asked], sort="task · tâche")


def _tasks() -> Panel:
    table = _task_table(
        "Tasks of the last run · Tâches du dernier lancement",
        "par tâche, dans l'ordre du traitement : comment elle s'est terminée, ses erreurs, les verbatims encore en "
        "attente, sa durée, son essai (1 : le premier), et le temps depuis son dernier succès.",
        "by task, in the order of the work: how it ended, its errors, the verbatims still pending, its duration, its "
        "try (1: the first), and the time since it last succeeded.",
        {
            STATE: last(catalogue.BATCH_SUCCEEDED),
            ERRORS: last(catalogue.BATCH_ERRORS),
            PENDING: pending(),
            "duration · durée": last(catalogue.BATCH_DURATION),
            "try · essai": last(catalogue.BATCH_TRY),
            "since success · depuis succès": f"time() - {last(catalogue.BATCH_LAST_SUCCESS)}",
        },
    )
    table.override_by_name(STATE, column(units.NoUnit, mappings=said(no="failed · échec", yes="done · réussie")))
    for name in ("duration · durée", "since success · depuis succès"):
        table.override_by_name(name, column(units.Seconds))
    return table


def _outcomes() -> Panel:
    words = {
        "pending": PENDING,
        "failed": "failed · en échec",
        "analysed": "analysed · analysés",
        "from_cache": "already known · déjà connus",
        "skipped": "skipped · écartés",
    }
    table = _task_table(
        "Verbatims of the last run · Verbatims du dernier lancement",
        "par tâche : ce qu'étaient devenus les verbatims du lancement quand elle s'est terminée, et ce qu'il avait "
        "coûté. « Déjà connus » : un texte identique avait une analyse, rien n'est payé.",
        "by task: what had become of the run's verbatims when it ended, and what it had cost. “Already known”: an "
        "identical text had an analysis, nothing is paid.",
        {
            **{word: last(catalogue.BATCH_VERBATIMS, f'outcome="{outcome}"') for outcome, word in words.items()},
            "cost · coût": last(catalogue.BATCH_COST),
        },
    )
    return table.override_by_name("cost · coût", column(units.Dollars))


def _deadlines() -> Panel:
    publish = _picked("publish")
    start = last(catalogue.BATCH_NEXT_START, *publish)
    left = f"max by (dag_id) ({last(catalogue.BATCH_DEADLINE, *publish)} - time())"
    values = {
        STATE: f"{left} < bool 0",
        LEFT: left,
        "next start in · prochain départ dans": f"max by (dag_id) ({start} - time())",
        "published · publié": f"time() - max by (dag_id) ({last(catalogue.BATCH_LAST_SUCCESS, *publish)})",
    }
    table = cells(
        "Deadline of the publish · Échéance de publication",
        "par DAG : à temps ou non, temps avant l'échéance de la prochaine publication (négatif une fois passée, comme "
        "l'alerte NoRun), avant le prochain départ prévu, et depuis la dernière publication. Un chargement à la main "
        "n'y change rien. Vide tant qu'aucun DAG n'a publié.",
        "by DAG: in time or not, time until the next publish has to succeed (negative once past, like the alert "
        "NoRun), until the next planned start, and since the last publish. A load by hand changes nothing here. Empty "
        "until a DAG has published.",
        units.Seconds,
        *(latest(value) for value in values.values()),
        width=16,
    )
    # the word beside it says the same
    past = {"mode": "absolute", "steps": [{"value": None, "color": VERMILION}, {"value": 0, "color": BLUE}]}
    shown = {"custom.cellOptions": {"type": "color-text"}}
    table.override_by_name(LEFT, column(units.Seconds, color={"mode": "thresholds"}, thresholds=past, **shown))
    table.override_by_name(STATE, column(units.NoUnit, mappings=said(no="in time · à temps", yes="past · dépassée")))
    return by_dag(table, list(values))


def _warnings() -> Panel:
    return numbers(
        "Warnings · Avertissements",
        "avertissements des contrôles de l'entrepôt à la dernière publication de chaque DAG (alerte CheckWarnings) ; "
        "le journal de publish les donne.",
        "warnings of the checks of the warehouse at the last publish of each DAG (alert CheckWarnings); the log of "
        "publish has them.",
        units.Short,
        latest(f"max by (dag_id) ({last(catalogue.BATCH_WARNINGS)})", "{{dag_id}}"),
    )
