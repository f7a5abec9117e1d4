"""The row *Signals* of the dashboard *Model*: how far each source's last night is from what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import dashboard, units
from links import runbook
from palette import OUTCOME
from panels import Panel, cells, coloured, column, dashed, for_each, in_order, lines, merged
from promql import latest, query, store

from pipeline.evaluate.night import BREACHES, OUTCOMES
from pipeline.records import Signal
from pipeline.telemetry import model

TITLE = "Signals · Signaux"
LIMIT = 1.0
"""Of every score: above it the signal alarms."""
SOURCE = 'source=~"$source"'
FRENCH: Mapping[str, str] = {
    Signal.MIX: "répartition des sentiments",
    Signal.GIVEN_STARS: "sentiment selon les étoiles",
    Signal.REFUSAL: "refus du modèle",
    Signal.EMPTY: "réponse vide",
    Signal.TRUNCATED: "réponse coupée",
    Signal.UNREADABLE: "réponse illisible",
    Signal.SUMMARY_TOO_LONG: "résumé trop long",
    Signal.WRONG_LANGUAGE: "autre langue",
    Signal.QUOTE_TOO_LONG: "citation trop longue",
    Signal.NO_TOPIC: "sans thème",
    Signal.NEW_TOPIC: "nouveau thème",
    Signal.BASELINE: "quatre semaines",
    Signal.SENTINEL: "sentinelle",
}
STATE, SCORE = "state · état", "score"
SCORED_FR = (
    "Distance à ce qui est attendu, en part de la limite : plus de 1 (tirets) est une alarme. Pas de courbe : pas "
    "assez de nuits ou de réponses pour juger, ce qui n'est pas un bon signe."
)
SCORED_EN = (
    "The distance from what is expected, as a part of the limit: more than 1 (dashes) alarms. No line: not enough "
    "nights or answers to judge, which is no good sign."
)


def panels() -> list[Panel]:
    """First every signal with its state in words, then their scores over time."""
    return [_states(), _by_stars(), _outcomes(), _breaches()]


def picked(*signals: Signal) -> tuple[str, str]:
    """The labels of some signals of the sources chosen at the top."""
    return SOURCE, f'signal=~"{"|".join(signals)}"'


def named(french: Mapping[str, str]) -> list[dashboard.ValueMapping]:
    """Values of a column in both languages."""
    results = {name: dashboard.ValueMappingResult(text=f"{name} · {words}") for name, words in french.items()}
    return [dashboard.ValueMap(options=results)]


def _states() -> Panel:
    # the sentinel is of all sources together
    ready, score = (f"max by (source, signal) ({store(each, '', _SHOWN)})" for each in (model.READY, model.SCORE))
    # never 1, "within", where the score is missing: nothing is known then
    state = f"{ready} * (1 + ({score} > bool {LIMIT:g})) or {ready} * 0"
    table = cells(
        "State of the signals · État des signaux",
        "chaque signal de la dernière nuit, par source ; la sentinelle vaut pour toutes (`all`). « pas assez » : trop "
        "peu de nuits ou de réponses pour juger, on ne sait donc rien. Score : part de la limite, plus de 1 est une "
        "alarme.",
        "each signal of the last night, by source; the sentinel is for all of them (`all`). “not enough”: too few "
        "nights or answers to judge, so nothing is known. Score: as a part of the limit, more than 1 alarms.",
        units.NoUnit,
        latest(state),
        latest(score),
    )
    table.override_by_name("signal", column(units.NoUnit, mappings=named(FRENCH)))
    table.override_by_name(STATE, column(units.NoUnit, mappings=_WORDS))
    table.override_by_name(SCORE, column(units.NoUnit, decimals=2))
    names = {"Value #A": STATE, "Value #B": SCORE}
    order = ["source", "signal", *names]
    return merged(table.links([runbook("ModelShiftGivenStars")]), names, order, STATE, highest=True)


_SHOWN = 'source=~"$source|all"'
_WORDS: list[dashboard.ValueMapping] = [
    dashboard.ValueMap(
        options={
            value: dashboard.ValueMappingResult(text=words)
            for value, words in (
                ("0", "not enough · pas assez"),
                ("1", "within the limit · dans la limite"),
                ("2", "above the limit · au-dessus"),
            )
        }
    )
]


def _by_stars() -> Panel:
    signals = Signal.GIVEN_STARS, Signal.BASELINE, Signal.MIX
    panel = lines(
        "Sentiment against the limit: $source · Sentiment et limite",
        f"{SCORED_FR} Selon les étoiles : seul le modèle peut avoir changé ; quatre semaines : le même, depuis les "
        "nuits acceptées ; répartition seule : les clients peuvent avoir changé.",
        f"{SCORED_EN} Given the stars: only the model may have changed; baseline: the same over four weeks, since the "
        "accepted nights; mix alone: the customers may have changed.",
        units.Short,
        query(_score(*signals), "{{signal}}"),
    )
    in_order(dashed(panel, LIMIT), **{signal.value: FRENCH[signal] for signal in signals})
    return for_each(panel.links([runbook("ModelShiftGivenStars"), runbook("CustomerMixShift")]), "source")


def _outcomes() -> Panel:
    panel = _contract(
        "Refused, empty, cut · Refus, vide, coupé",
        "refus, réponses vides, coupées ou illisibles, de la pire des sources choisies.",
        "refusals, empty, truncated and unreadable answers, of the worst of the sources chosen.",
        OUTCOMES,
    )
    # each as the outcome that it counts looks elsewhere
    refusal = {Signal.REFUSAL.value: OUTCOME["refused"]}
    return coloured(panel, refusal | {signal.value: OUTCOME[signal] for signal in OUTCOMES if signal in OUTCOME})


def _breaches() -> Panel:
    panel = _contract(
        "Agreed form · Forme convenue",
        "résumés trop longs, autre langue que le texte, citations trop longues, de la pire des sources choisies.",
        "summaries too long, another language than the text's, quotes too long, of the worst of the sources chosen.",
        BREACHES,
    )
    return in_order(panel, **{signal.value: FRENCH[signal] for signal in BREACHES})


def _contract(title: str, fr: str, en: str, signals: tuple[Signal, ...]) -> timeseries.Panel:
    asked = query(_score(*signals), "{{signal}}")
    panel = dashed(lines(title, f"{fr} {SCORED_FR}", f"{en} {SCORED_EN}", units.Short, asked), LIMIT)
    return panel.links([runbook("ModelContractBreaches")])


def _score(*signals: Signal) -> str:
    return f"max by (signal) ({store(model.SCORE, '', *picked(*signals))})"
