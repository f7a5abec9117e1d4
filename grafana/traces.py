"""Panels that ask Tempo: searches for calls as tables, and one trace."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table, tempo
from grafana_foundation_sdk.models import common as look
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.tempo import SearchTableType
from links import attempts, trace
from panels import OBJECTIVE_S, cells, column

TEMPO = look.DataSourceRef(type_val="tempo", uid="tempo")
SLOW = attempts(f"duration > {OBJECTIVE_S:g}s")
CHOSEN = attempts('span.verbatims.outcome =~ "${outcome:pipe}"')
LIMIT = 50


def slow_calls(width: int = 24) -> table.Panel:
    """Those that miss the objective."""
    return _calls(
        "Slow calls · Appels lents",
        f"appels de plus de {OBJECTIVE_S:g} s de la période, {LIMIT} au plus ; l'identifiant ouvre la trace. Vide : "
        "aucun.",
        f"calls of more than {OBJECTIVE_S:g} s in the time shown, {LIMIT} at most; the identifier opens the trace. "
        "Empty: none.",
        SLOW,
        width,
    )


def calls_by_outcome() -> table.Panel:
    """Those of the outcomes chosen at the top."""
    return _calls(
        "Calls of the outcomes chosen · Appels des issues choisies",
        f"appels de la période dont l'issue est choisie en haut, {LIMIT} au plus ; l'identifiant ouvre la trace.",
        f"calls in the time shown whose outcome is chosen at the top, {LIMIT} at most; the identifier opens the trace.",
        CHOSEN,
        24,
    )


def one_call() -> build.Panel:
    """The trace whose identifier stands at the top."""
    asked = _asked("${trace}")
    fr = (
        "la trace dont l'identifiant est en haut : le verbatim (jamais son texte), ses tentatives et les requêtes à "
        "Claude, avec durée, modèle, jetons et coût. `verbatims show` en donne la ligne. Vide tant qu'aucun appel "
        "n'est choisi."
    )
    en = (
        "the trace whose identifier stands at the top: the verbatim (never its text), its attempts and the requests to "
        "Claude, with duration, model, tokens and cost. `verbatims show` prints its row. Empty until a call is chosen."
    )
    panel = build.Panel().type("traces").title("One call · Un appel").description(f"FR: {fr}\n\nEN: {en}")
    return panel.datasource(TEMPO).with_target(asked).span(24).height(16)


def _calls(title: str, fr: str, en: str, traceql: str, width: int) -> table.Panel:
    panel = cells(title, fr, en, units.NoUnit, width=width)
    panel.datasource(TEMPO).with_target(_asked(traceql).limit(LIMIT).table_type(SearchTableType.TRACES))
    panel.override_by_name("traceID", column(units.NoUnit, links=[trace("${__value.raw}")]))
    return panel


def _asked(traceql: str) -> tempo.Dataquery:
    return tempo.Dataquery().query(traceql).query_type("traceql").datasource(TEMPO).ref_id("A")
