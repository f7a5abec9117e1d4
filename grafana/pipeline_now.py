"""The row *Now*: what the running processes report, and those that ended within the hour."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.models import common as look
from grafana_foundation_sdk.models import units
from panels import OBJECTIVE_S, SPAN_NAME, Panel, bars, buckets, latest, lines, live, quantile, query, steps, traces

from pipeline.telemetry import catalogue

TITLE = "Now · Maintenant"


def panels() -> list[Panel]:
    """First what comes out and how fast, then what goes wrong, then what it costs."""
    return [*_work(), *_latency(), *_faults(), *_costs(), *_texts()]


def _work() -> list[Panel]:
    return [
        lines(
            "Verbatims analysed",
            "verbatims analysés par minute, par source et sentiment ; compté une fois, au premier enregistrement.",
            "verbatims analysed per minute, by source and sentiment; counted once, when first committed.",
            "suffix:verbatims/min",
            query(live(catalogue.ANALYZED), "{{source}} · {{sentiment}}"),
        ),
        lines(
            "Verbatims skipped",
            "verbatims écartés par minute avant tout appel, par source et raison (trop court, trop long, doublon).",
            "verbatims put aside per minute before any call, by source and reason.",
            "suffix:verbatims/min",
            query(live(catalogue.SKIPPED), "{{source}} · {{reason}}"),
        ),
    ]


def _latency() -> list[Panel]:
    slow = f'{{ name = "{SPAN_NAME}" && duration > {OBJECTIVE_S:g}s }}'
    p50_p95 = lines(
        f"Latency p50 and p95, objective: p95 under {OBJECTIVE_S:g} s",
        "la moitié des appels (p50) et 95 % d'entre eux (p95) durent moins que cela ; tirets : l'objectif de 8 s.",
        "half of the calls (p50) and 95 % of them (p95) take less than this; dashes: the objective of 8 s.",
        units.Seconds,
        query(quantile(catalogue.DURATION, 0.95), "p95", exemplars=True),
        query(quantile(catalogue.DURATION, 0.5), "p50"),
    )
    dashed = common.GraphThresholdsStyleConfig().mode(look.GraphThresholdsStyleMode.DASHED)
    p50_p95.thresholds(steps((OBJECTIVE_S, "orange"))).thresholds_style(dashed).axis_soft_max(OBJECTIVE_S)
    return [
        buckets(
            "Latency of calls",
            "durée des appels terminés, tentatives répétées comprises ; chaque point ouvre la trace de son appel.",
            "duration of ended calls, retries in; each dot opens the trace of its call.",
            catalogue.DURATION,
        ),
        p50_p95.data_links([traces("Slow traces · Traces lentes", slow)]),
    ]


def _faults() -> list[Panel]:
    calls, ratio = catalogue.CALLS.prometheus_name, catalogue.SUCCESS_RATIO.prometheus_name
    good = f'sum(rate({calls}{{outcome="analysed"}}[$__rate_interval])) / sum(rate({calls}[$__rate_interval]))'
    by_outcome = f'{{ name = "{SPAN_NAME}" && span.verbatims.outcome = "${{__field.labels.outcome}}" }}'
    return [
        lines(
            "Claude call success ratio",
            "réponses valides parmi les appels terminés : du lancement le moins bon de l'heure, et à chaque instant.",
            "valid answers out of the calls ended: of the hour's least successful run, and at each moment.",
            units.PercentUnit,
            query(f"min without (instance) ({ratio})", "run · lancement"),
            query(good, "moment"),
            width=8,
        ),
        lines(
            "Calls by outcome",
            "appels terminés par minute, par issue ; cliquer sur une courbe ouvre les traces de cette issue.",
            "ended calls per minute, by outcome; a click on a line opens the traces of that outcome.",
            "suffix:calls/min",
            query(live(catalogue.CALLS), "{{outcome}}"),
            width=8,
        ).data_links([traces("Traces of this outcome · Traces de cette issue", by_outcome)]),
        lines(
            "What goes wrong",
            "par minute : réponses hors contrat (JSON), réponses vides, lignes ou chargements refusés par l'entrepôt.",
            "per minute: answers that broke the contract (JSON), empty answers, rows or loads the warehouse refused.",
            "suffix:errors/min",
            query(live(catalogue.JSON_ERRORS), "JSON · {{reason}}"),
            query(live(catalogue.EMPTY_RESPONSES), "empty · vide"),
            query(live(catalogue.LOAD_ERRORS), "warehouse · entrepôt · {{reason}}"),
            width=8,
        ),
    ]


def _costs() -> list[Panel]:
    stage = catalogue.STAGE_DURATION.prometheus_name
    took, ended = (f"sum without (instance) (increase({stage}_{part}[$__range]))" for part in ("sum", "count"))
    return [
        lines(
            "Tokens",
            "jetons payés par minute, en entrée (cache compris) et en sortie.",
            "tokens paid per minute, input (cache included) and output.",
            "suffix:tokens/min",
            query(live(catalogue.TOKENS), "{{type}}"),
            width=8,
        ),
        lines(
            "Cost per hour",
            "ce que coûterait une heure au rythme du moment, en dollars ; rien n'est facturé en mode sandbox.",
            "what an hour would cost at the pace of the moment, in dollars; nothing is billed in sandbox mode.",
            units.Dollars,
            query(live(catalogue.COST, per_s=3600), "USD/h"),
            width=8,
        ),
        bars(
            "Mean duration of stages",
            "durée moyenne de chaque étape terminée pendant la période affichée ; run : le lancement entier.",
            "mean duration of each stage that ended in the time shown; run: the whole run.",
            units.Seconds,
            latest(f"{took} / {ended}", "{{stage}}"),
            width=8,
        ),
    ]


def _texts() -> list[Panel]:
    size, lengths = catalogue.CURRENT_SIZE.prometheus_name, catalogue.LENGTHS.prometheus_name
    return [
        lines(
            "Size of the text last sent",
            "caractères, après masquage, du dernier verbatim envoyé par chaque processus : le plus long, la moyenne.",
            "masked characters of the verbatim that each process sent last: the longest, and the mean.",
            "suffix:characters",
            query(f"max without (instance) ({size})", "longest · le plus long"),
            query(f"avg without (instance) ({size})", "mean · moyenne"),
            width=8,
        ),
        lines(
            "New topics detected",
            "thèmes hors du référentiel, par minute ; beaucoup d'un coup : le référentiel ou la source a vieilli.",
            "themes outside the reference base, per minute; many at once: the base or the source has aged.",
            "suffix:topics/min",
            query(live(catalogue.NEW_TOPICS), "new topics · nouveaux thèmes"),
            width=8,
        ),
        bars(
            "Verbatims by length",
            "verbatims analysés par les processus de l'heure : court (< 100 caractères), moyen (< 500), long.",
            "verbatims analysed by the hour's processes: short (< 100 characters), medium (< 500), long.",
            "suffix:verbatims",
            latest(f"sum without (instance) ({lengths})", "{{length}}"),
            width=8,
        ),
    ]
