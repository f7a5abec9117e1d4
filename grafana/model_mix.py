"""The row *Mix and topics* of the dashboard *Model*: the shares themselves, beside those that were expected."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from links import runbook
from model_signals import FRENCH, named, picked
from palette import LENGTH, SENTIMENT
from panels import Panel, bars, cells, coloured, column, counts, for_each, in_order, lines, merged, numbers
from promql import grown, latest, query, store

from pipeline.records import Signal
from pipeline.telemetry import catalogue, model

TITLE = "Mix and topics · Répartition et thèmes"
MOST = 10
"""Topics that can be read in one panel."""
DAY = "1d"


def panels() -> list[Panel]:
    """Sentiments, then topics, then lengths."""
    return [*_mix(), _shares(), _topics(), _named(), _new(), _lengths()]


def _mix() -> list[Panel]:
    share, expected = (
        f"max by (sentiment) ({store(each, '', *picked(Signal.MIX))})" for each in (model.SHARE, model.EXPECTED_SHARE)
    )
    shares = lines(
        "Mix: $source · Répartition",
        "part de chaque sentiment dans la dernière nuit.",
        "share of each sentiment in the last night.",
        units.PercentUnit,
        query(share, "{{sentiment}}"),
    )
    points = lines(
        "Mix less expected: $source · Écart à l'attendu",
        "la même part moins celle que les nuits précédentes laissent attendre, en points de pourcentage. Pas de "
        "courbe : pas assez de nuits pour le dire.",
        "the same share less the one expected from the nights before, in percentage points. No line: not "
        "enough nights to tell.",
        units.Short,
        query(f"({share} - {expected}) * 100", "{{sentiment}}"),
    )
    linked = (coloured(panel, SENTIMENT).links([runbook("CustomerMixShift")]) for panel in (shares, points))
    return [for_each(panel, "source") for panel in linked]


def _shares() -> Panel:
    asked = (
        f"max by (source, signal, sentiment) ({store(each, '', *picked(Signal.MIX, Signal.GIVEN_STARS))})"
        for each in (model.SHARE, model.EXPECTED_SHARE)
    )
    table = cells(
        "Shares and expected shares · Parts et parts attendues",
        "les mêmes parts en chiffres, et celles que les étoiles des clients laissent attendre ; une part attendue "
        "vide : pas assez de nuits pour le dire.",
        "the same shares as numbers, and those expected from the customers' stars; an empty expected share: not "
        "enough nights to tell.",
        units.PercentUnit,
        *(latest(each) for each in asked),
    )
    table.override_by_name("signal", column(units.NoUnit, mappings=named(FRENCH)))
    french = {name: look.french for name, look in SENTIMENT.items()}
    table.override_by_name("sentiment", column(units.NoUnit, mappings=named(french)))
    names = {"Value #A": "share · part", "Value #B": "expected · attendue"}
    return merged(table, names, ["source", "signal", "sentiment", *names], "source")


def _topics() -> Panel:
    signals = Signal.NO_TOPIC, Signal.NEW_TOPIC
    share, expected = (
        f"max by (signal) ({store(each, '', *picked(*signals))})" for each in (model.SHARE, model.EXPECTED_SHARE)
    )
    panel = lines(
        "Topics: $source · Thèmes",
        "part des réponses sans thème, et avec un thème hors du référentiel, dans la dernière nuit ; et les parts que "
        "les nuits précédentes laissent attendre, absentes s'il n'y en a pas assez.",
        "share of answers without a topic, and with one outside the reference base, in the last night; and the shares "
        "expected from the nights before, absent where there are not enough.",
        units.PercentUnit,
        query(share, "{{signal}}"),
        query(expected, "{{signal}}, expected"),
    )
    observed = {signal.value: FRENCH[signal] for signal in signals}
    awaited = {f"{signal}, expected": f"{FRENCH[signal]}, attendu" for signal in signals}
    return for_each(in_order(panel, **observed, **awaited), "source")


def _named() -> Panel:
    topics = store(catalogue.TOPICS)
    grew = f"sum by (topic) ({topics} - ({topics} offset $__range or {topics} * 0))"
    return bars(
        "Topics named · Thèmes nommés",
        f"les {MOST} thèmes du référentiel que le plus de verbatims ont nommés dans la période montrée.",
        f"the {MOST} topics of the reference base that most verbatims named in the time shown.",
        units.Short,
        latest(f"topk({MOST}, {grew})", "{{topic}}"),
        width=12,
    )


def _new() -> Panel:
    return numbers(
        "New topics named · Nouveaux",
        "thèmes hors du référentiel, nommés depuis le premier lancement ; s'ils reviennent, compléter le référentiel.",
        "themes outside the reference base, named since the first run; those that come back belong in it.",
        units.Short,
        latest(f"sum({store(catalogue.NEW_TOPICS)})", "new topics · nouveaux thèmes"),
        width=12,
    )


def _lengths() -> Panel:
    panel = counts(
        "Lengths by day · Longueurs par jour",
        "verbatims analysés par jour, selon leur longueur : d'autres longueurs expliquent d'autres réponses.",
        "verbatims analysed a day, by their length: other lengths explain other answers.",
        units.Short,
        query(grown(store(catalogue.LENGTHS), "length"), "{{length}}", step=DAY),
        width=24,
    )
    return coloured(panel, LENGTH)
