"""The row *Evaluations* of the dashboard *Model*: answers beside labels, and the sentinel's texts asked again."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from links import runbook
from model_signals import LIMIT, SCORED_EN, SCORED_FR, named
from palette import SENTIMENT
from panels import Panel, cells, column, dashed, lines, merged, numbers
from promql import latest, query, store

from pipeline.records import Signal
from pipeline.telemetry import model

TITLE = "Evaluations and sentinel · Évaluations et sentinelle"
NEVER = "never · jamais"
WHEN = "when · quand"
CLASSES = {name: look.french for name, look in SENTIMENT.items()} | {"macro": "moyenne des classes"}


def panels() -> list[Panel]:
    """First F1, then the age of the evaluation, then the sentinel."""
    return [_f1(), _age(), _score(), _flips()]


def _f1() -> Panel:
    low, f1, high = (f"max by (analyser, class) ({store(each)})" for each in (model.F1_LOW, model.F1, model.F1_HIGH))
    when = f"{f1} * 0 + on (analyser) group_left () max by (analyser) ({store(model.EVALUATED_AT)}) * 1000"
    table = cells(
        "F1 by class · F1 par classe",
        "F1 de la dernière évaluation de chaque analyseur, par classe, avec les bornes de son intervalle à 95 %. Une "
        "classe absente n'a pas assez d'étiquettes : on ne sait rien d'elle. Deux intervalles qui se recouvrent ne "
        "départagent pas deux analyseurs ; `verbatims compare` le fait.",
        "F1 of each analyser's latest evaluation, by class, with the ends of its 95 % interval. A class that is absent "
        "has not enough labels: nothing is known of it. Two intervals that overlap do not tell which analyser is "
        "better; `verbatims compare` does.",
        units.PercentUnit,
        *(latest(each) for each in (low, f1, high, when)),
        width=16,
        min_width=70,
    )
    names = dict(
        zip(("Value #A", "Value #B", "Value #C", "Value #D"), ("low · bas", "F1", "high · haut", WHEN), strict=True)
    )
    for name in ("low · bas", "F1", "high · haut"):
        table.override_by_name(name, column(units.NoUnit, decimals=3))
    table.override_by_name("class", column(units.NoUnit, mappings=named(CLASSES)))
    table.override_by_name(WHEN, column(units.DatetimeISO))
    return merged(table, names, ["analyser", "class", *names], "analyser")


def _age() -> Panel:
    return (
        numbers(
            "Evaluated · Évalué depuis",
            "temps depuis la dernière évaluation de chaque analyseur ; alerte ModelEvaluationStale après 120 jours. "
            "« jamais » : personne n'a comparé de réponses à des étiquettes.",
            "time since each analyser was last evaluated; alert ModelEvaluationStale after 120 days. “never”: nobody "
            "has compared answers with labels.",
            units.Seconds,
            latest(f"time() - max by (analyser) ({store(model.EVALUATED_AT)})", "{{analyser}}"),
        )
        .no_value(NEVER)
        .links([runbook("ModelEvaluationStale")])
    )


def _score() -> Panel:
    sentinel = store(model.SCORE, "", f'signal="{Signal.SENTINEL}"')
    panel = lines(
        "Sentinel and limit · Sentinelle et limite",
        f"les mêmes textes, soumis de nouveau chaque semaine sans les réponses enregistrées. {SCORED_FR}",
        f"the same texts, asked again each week without the stored answers. {SCORED_EN}",
        units.Short,
        query(f"max({sentinel})", "sentinel · sentinelle"),
    )
    return dashed(panel, LIMIT).links([runbook("ModelSentinelFlips")])


def _flips() -> Panel:
    return lines(
        "Sentinel: flips · Sentinelle : changements",
        "part des textes de la sentinelle dont le sentiment a changé quand on les a soumis de nouveau.",
        "share of the sentinel's texts whose sentiment changed when they were asked again.",
        units.PercentUnit,
        query(f"max({store(model.FLIPS)})", "flips · changements"),
    )
