"""The rows *Latency* and *Outcomes* of the dashboard *Claude*: how long calls take, and how they end."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from links import calls, runbook
from palette import OUTCOME, QUANTILE
from panels import OBJECTIVE_S, Panel, bars, buckets, coloured, counts, dashed, in_order, lines
from promql import ENOUGH, counted, latest, mean, quantile, query, reported, series
from traces import slow_calls

from pipeline.records import JsonError
from pipeline.telemetry import catalogue, gen_ai

TITLE = "Calls · Appels"
STEPS_FR = "Chaque marche compte un intervalle ; la légende donne le total de la période."
STEPS_EN = "Each step counts one interval; the legend has the total of the time shown."


def panels() -> list[Panel]:
    """First how long, then how well, then what exactly went wrong."""
    return [_heatmap(), _quantiles(), slow_calls(width=12), _outcomes(), _ratio(), *_faults(), *_codes()]


def _heatmap() -> Panel:
    return buckets(
        "Latency of calls · Durée des appels",
        "combien d'appels terminés, par durée et par intervalle, tentatives du transport comprises ; chaque appel est "
        "compté une fois. Plus la case ressort du fond, plus il y en a, jusqu'à 100. Chaque point ouvre la trace de "
        "son appel ; au clavier : le tableau plus bas, ou « Appels lents » en haut.",
        "how many ended calls, by duration and interval, the transport's retries included; each call counts once. "
        "The more a cell stands out the more there are, up to 100. Each dot opens the trace of its call; by keyboard: "
        "the table below, or “Slow calls” at the top.",
        catalogue.DURATION,
    )


def _quantiles() -> Panel:
    panel = coloured(
        lines(
            "Latency quantiles · Durée, quantiles",
            f"la moitié des appels (p50), 95 % (p95) et 99 % d'entre eux (p99) durent moins que cela, où l'intervalle "
            f"a {ENOUGH} appels au moins : moins ne disent rien. Tirets : l'objectif, p95 sous {OBJECTIVE_S:g} s.",
            f"half of the calls (p50), 95 % (p95) and 99 % of them (p99) take less than this, where the interval has "
            f"at least {ENOUGH} calls: fewer say nothing. Dashes: the objective, p95 under {OBJECTIVE_S:g} s.",
            units.Seconds,
            query(quantile(catalogue.DURATION, 0.95), "p95", exemplars=True),
            query(quantile(catalogue.DURATION, 0.5), "p50"),
            query(quantile(catalogue.DURATION, 0.99), "p99"),
        ),
        QUANTILE,
    )
    dashed(panel, OBJECTIVE_S).axis_soft_max(OBJECTIVE_S)
    return panel.data_links([calls("Slow calls · Appels lents")]).links([runbook("SlowAnalysis")])


def _outcomes() -> Panel:
    panel = counts(
        "Calls by outcome · Appels par issue",
        f"appels terminés, par issue. {STEPS_FR} Cliquer sur une courbe liste les appels de cette issue.",
        f"ended calls, by outcome. {STEPS_EN} A click on a line lists the calls of that outcome.",
        units.Short,
        query(counted(catalogue.CALLS, "outcome"), "{{outcome}}"),
    )
    panel.links([runbook("ClaudeFailing")])
    return coloured(
        panel.data_links([calls("Calls of this outcome · Appels de cette issue", "${__field.labels.outcome}")]), OUTCOME
    )


def _ratio() -> Panel:
    ended = counted(catalogue.CALLS)
    valid = counted(catalogue.CALLS, "", 'outcome="analysed"')
    # a gauge keeps its value: without the condition, that of an outage would stand there long after it
    latest_run = f"{reported(catalogue.SUCCESS_RATIO)} and on () ({ended} > 0)"
    names = "interval · intervalle", "run · lancement"
    return in_order(
        lines(
            "Success ratio · Taux de succès",
            "réponses valides parmi les appels terminés : dans l'intervalle, et depuis le début du lancement. Rien "
            "tant qu'aucun appel ne se termine.",
            "valid answers out of the calls ended: in the interval, and since the run began. Nothing while no call "
            "ends.",
            units.PercentUnit,
            query(f"{valid} / ({ended} > 0)", names[0]),
            query(latest_run, names[1]),
        ),
        *names,
    )


def _faults() -> list[Panel]:
    reasons = [f"JSON · {each.value}" for each in JsonError]
    panel = counts(
        "Bad answers · Mauvaises réponses",
        f"réponses hors contrat (JSON, avec ce qui n'allait pas) et réponses vides. {STEPS_FR}",
        f"answers that broke the contract (JSON, with what was wrong) and empty answers. {STEPS_EN}",
        units.Short,
        query(counted(catalogue.JSON_ERRORS, "reason"), "JSON · {{reason}}"),
        query(counted(catalogue.EMPTY_RESPONSES), "empty · vide"),
    )
    return [in_order(panel.links([runbook("JsonErrors"), runbook("EmptyAnswers")]), *reasons, "empty · vide")]


def _codes() -> list[Panel]:
    count = f"{gen_ai.OPERATION_DURATION.prometheus_name}_count"
    failed = series(count, 'error_type!=""', 'gen_ai_request_model=~"$model"')
    return [
        bars(
            "Errors by code · Erreurs par code",
            "appels sans réponse valide, par code HTTP, type d'erreur ou défaut de la réponse, par les processus "
            "terminés depuis 30 h au plus.",
            "calls without a valid answer, by HTTP code, type of error or fault of the answer, by the processes that "
            "ended within 30 h.",
            units.Short,
            latest(f"sum by (error_type) ({failed})", "{{error_type}}"),
            width=12,
        ),
        in_order(
            counts(
                "Retries · Répétitions",
                "requêtes renvoyées, par ce qui y a poussé (rate_limited : 429, overloaded : 529). " + STEPS_FR,
                "requests that were sent again, by what made it (rate_limited: 429, overloaded: 529). " + STEPS_EN,
                units.Short,
                query(counted(catalogue.RETRIES, "reason"), "{{reason}}"),
            ),
            rate_limited="limite atteinte",
            overloaded="surcharge",
            server_error="erreur du serveur",
            timeout="délai dépassé",
            connection="connexion",
            other="autre",
        ),
        counts(
            "Held back · Retenue par la limite",
            "secondes pendant lesquelles un texte était prêt et où un processus n'a rien envoyé, pour respecter la "
            "limite de débit de Claude. " + STEPS_FR,
            "seconds in which a text was ready and a process sent nothing, so that Claude's rate limit is kept. "
            + STEPS_EN,
            units.Seconds,
            query(counted(catalogue.HELD_BACK), "held back"),
        ),
        lines(
            "Batches: turnaround · Lots : délai",
            "de la création d'un lot à sa fin chez Claude, en moyenne des lots recueillis dans l'intervalle.",
            "from the creation of a batch to its end at Claude's side: the mean of those collected in the interval.",
            units.Seconds,
            query(mean(catalogue.BATCH_TURNAROUND), "mean"),
        ),
    ]
