"""The row *Tokens and cost* of the dashboard *Claude*: what calls use, and what that costs."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from links import runbook
from palette import TOKENS
from panels import Panel, bars, coloured, counts, in_order, lines, numbers
from promql import counted, grown, latest, query, series, store

from pipeline.telemetry import catalogue, gen_ai

TITLE = "Tokens and cost · Jetons et coût"
MODELS = 'gen_ai_request_model=~"$model"'
PAID_FR = "rien n'est facturé en mode sandbox"
PAID_EN = "nothing is billed in sandbox mode"
DAY = "1d"


def panels() -> list[Panel]:
    """First how much in all, then over time, then by run, day, model and source."""
    return [
        _total(),
        _spent(),
        _per_model(),
        _tokens(),
        _shares(),
        _cost(),
        _per_day(),
        _per_run(),
        _tokens_by_model(),
        *_by_source(),
    ]


def _total() -> Panel:
    return numbers(
        "Total spend · Dépense totale",
        f"coût de tous les appels depuis le premier lancement, en dollars ; {PAID_FR}.",
        f"cost of all calls since the first run, in dollars; {PAID_EN}.",
        units.Dollars,
        latest(f"sum({store(catalogue.COST)})", "USD"),
    )


def _spent() -> Panel:
    calls = f"sum({store(catalogue.CALLS)})"
    return numbers(
        "Cost per call · Coût d'appel",
        "coût moyen d'un appel terminé depuis le premier lancement, en dollars.",
        "mean cost of an ended call since the first run, in dollars.",
        units.Dollars,
        latest(f"sum({store(catalogue.COST)}) / ({calls} > 0)", "mean · moyenne"),
    ).decimals(5)


def _per_model() -> Panel:
    picked = series(catalogue.MODEL_COST.prometheus_name, 'model=~"$model"')
    return bars(
        "Model cost · Coût par modèle",
        "coût des appels des processus terminés depuis 30 h au plus, par modèle et type de jeton, en dollars.",
        "cost of the calls of the processes that ended within 30 h, by model and kind of token, in dollars.",
        units.Dollars,
        latest(f"sum by (model, type) ({picked})", "{{model}} · {{type}}"),
    )


def _tokens() -> Panel:
    return coloured(
        counts(
            "Tokens by type · Jetons par type",
            "jetons payés par intervalle, en entrée (cache compris) et en sortie (réflexion comprise) ; parmi l'entrée "
            "ceux lus dans le cache, parmi la sortie ceux de la réflexion. La légende donne le total.",
            "tokens paid in each interval, input (cache included) and output (thinking included); of the input those "
            "read from the cache, of the output those spent on thinking. The legend has the total.",
            units.Short,
            query(counted(catalogue.TOKENS, "type"), "{{type}}"),
            query(counted(catalogue.CACHED_TOKENS), "cached"),
            query(counted(catalogue.THINKING_TOKENS), "thinking"),
        ),
        TOKENS,
    )


def _shares() -> Panel:
    entered, made = (counted(catalogue.TOKENS, "", f'type="{kind}"') for kind in ("input", "output"))
    panel = lines(
        "Cache and thinking · Cache et réflexion",
        "part des jetons d'entrée lue dans le cache du prompt, où elle coûte moins, et part des jetons de sortie "
        "passée à réfléchir ; rien sans appel.",
        "share of the input tokens read from the prompt cache, where they cost less, and share of the output tokens "
        "spent on thinking; nothing without calls.",
        units.PercentUnit,
        query(f"{counted(catalogue.CACHED_TOKENS)} / ({entered} > 0)", "cached"),
        query(f"{counted(catalogue.THINKING_TOKENS)} / ({made} > 0)", "thinking"),
    )
    return coloured(panel, TOKENS)


def _cost() -> Panel:
    return counts(
        "Cost over time · Coût dans le temps",
        f"coût des appels de chaque intervalle, en dollars ; {PAID_FR} ; la légende donne le total.",
        f"cost of the calls of each interval, in dollars; {PAID_EN}; the legend has the total.",
        units.Dollars,
        query(counted(catalogue.COST), "USD"),
    ).links([runbook("CostJump")])


def _per_day() -> Panel:
    panel = counts(
        "Cost by day · Coût par jour",
        "coût de chacun des 14 derniers jours (UTC), en dollars, d'après la base du projet.",
        "cost of each of the last 14 days (UTC), in dollars, from the project's store.",
        units.Dollars,
        query(grown(store(catalogue.COST)), "USD", step=DAY),
    )
    return panel.time_from("14d")


def _per_run() -> Panel:
    cost = series(catalogue.BATCH_COST.prometheus_name, 'task_id="analyse"')
    panel = lines(
        "Cost by run · Coût par lancement",
        "coût du dernier lancement de chaque DAG, en dollars, tel qu'il était à ce moment : une marche par lancement.",
        "cost of the latest run of each DAG, in dollars, as it was at the time: a step for each run.",
        units.Dollars,
        query(f"max by (dag_id) ({cost})", "{{dag_id}}"),
    )
    return in_order(panel, "verbatims_daily", "cli")


def _tokens_by_model() -> Panel:
    used = series(f"{gen_ai.TOKEN_USAGE.prometheus_name}_sum", MODELS)
    return bars(
        "Tokens by model · Jetons par modèle",
        "jetons des appels des processus terminés depuis 30 h au plus, par modèle et par type.",
        "tokens of the calls of the processes that ended within 30 h, by model and type.",
        units.Short,
        latest(
            f"sum by (gen_ai_request_model, gen_ai_token_type) ({used})",
            "{{gen_ai_request_model}} · {{gen_ai_token_type}}",
        ),
        width=12,
    )


def _by_source() -> list[Panel]:
    shared_fr = "une réponse partagée par deux sources est comptée pour la première"
    shared_en = "an answer that two sources share counts for the first one"
    return [
        bars(
            "Cost by source · Coût par source",
            f"coût des appels depuis le premier lancement, par source, en dollars ; {shared_fr} ; {PAID_FR}.",
            f"cost of the calls since the first run, by source, in dollars; {shared_en}; {PAID_EN}.",
            units.Dollars,
            latest(f"sum by (source) ({store(catalogue.COST)})", "{{source}}"),
            width=12,
        ),
        bars(
            "Tokens by source · Jetons par source",
            f"jetons payés depuis le premier lancement, par source et par type ; {shared_fr}.",
            f"tokens paid since the first run, by source and type; {shared_en}.",
            units.Short,
            latest(f"sum by (source, type) ({store(catalogue.TOKENS)})", "{{source}} · {{type}}"),
            width=12,
        ),
    ]
