"""The row *Now*: how fast things go, from moment to moment, over the time shown."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import (
    ATTEMPT_SPAN,
    OBJECTIVE_S,
    Panel,
    buckets,
    dashed,
    lines,
    live,
    quantile,
    query,
    reported,
    series,
    traces,
)

from pipeline.telemetry import catalogue

TITLE = "Now · Maintenant"
SPANS = f'name = "{ATTEMPT_SPAN}" && resource.{catalogue.ENVIRONMENT} = "${{environment}}"'
"""In TraceQL: the attempts, which is what the metrics count, of the environment chosen at the top."""


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
    slow = f"{{ {SPANS} && duration > {OBJECTIVE_S:g}s }}"
    p50_p95 = lines(
        f"Latency p50 and p95, objective: p95 under {OBJECTIVE_S:g} s",
        "la moitié des appels (p50) et 95 % d'entre eux (p95) durent moins que cela ; tirets : l'objectif de 8 s.",
        "half of the calls (p50) and 95 % of them (p95) take less than this; dashes: the objective of 8 s.",
        units.Seconds,
        query(quantile(catalogue.DURATION, 0.95), "p95", exemplars=True),
        query(quantile(catalogue.DURATION, 0.5), "p50"),
    )
    dashed(p50_p95, (OBJECTIVE_S, "orange")).axis_soft_max(OBJECTIVE_S)
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
    calls = catalogue.CALLS.prometheus_name
    valid, ended = series(calls, 'outcome="analysed"'), series(calls)
    good = f"sum(rate({valid}[$__rate_interval])) / sum(rate({ended}[$__rate_interval]))"
    by_outcome = f'{{ {SPANS} && span.verbatims.outcome = "${{__field.labels.outcome}}" }}'
    return [
        lines(
            "Claude call success ratio",
            "réponses valides parmi les appels terminés : du lancement qui a écrit le dernier, et à chaque instant.",
            "valid answers out of the calls ended: of the run that reported last, and at each moment.",
            units.PercentUnit,
            query(reported(catalogue.SUCCESS_RATIO), "run · lancement"),
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
    return [
        lines(
            "Tokens",
            "jetons payés par minute, en entrée (cache compris) et en sortie.",
            "tokens paid per minute, input (cache included) and output.",
            "suffix:tokens/min",
            query(live(catalogue.TOKENS), "{{type}}"),
        ),
        lines(
            "Cost per hour",
            "ce que coûterait une heure au rythme du moment, en dollars ; rien n'est facturé en mode sandbox.",
            "what an hour would cost at the pace of the moment, in dollars; nothing is billed in sandbox mode.",
            units.Dollars,
            query(live(catalogue.COST, per_s=3600), "USD/h"),
        ),
    ]


def _texts() -> list[Panel]:
    return [
        lines(
            "Size of the text last sent",
            "caractères, après masquage, du dernier verbatim envoyé ; du processus qui a écrit le dernier.",
            "masked characters of the verbatim sent last; of the process that reported last.",
            "suffix:characters",
            query(reported(catalogue.CURRENT_SIZE), "latest · dernier"),
        ),
        lines(
            "New topics detected",
            "thèmes hors du référentiel, par minute ; beaucoup d'un coup : le référentiel ou la source a vieilli.",
            "themes outside the reference base, per minute; many at once: the base or the source has aged.",
            "suffix:topics/min",
            query(live(catalogue.NEW_TOPICS), "new topics · nouveaux thèmes"),
        ),
    ]
