"""The row *Last 30 hours*: what the processes came to that the Collector still shows, so last night's at any hour."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from palette import LENGTH, OUTCOME, SENTIMENT
from panels import Panel, bars, coloured, in_order, numbers
from promql import latest, reported, series, shown

from pipeline.telemetry import catalogue

HOURS = 30
"""The Collector's metric_expiration."""
TITLE = f"Last {HOURS} hours · Ces {HOURS} dernières heures"
FR = (
    f"{{}}, par les processus terminés depuis {HOURS} h au plus. Un Collector redémarré oublie ceux-là : "
    "les totaux restent dans la rangée « Ever »."
)
EN = (
    f"{{}}, by the processes that ended within {HOURS} h. A Collector restarted by day forgets ended processes: the "
    "row “Ever” has the totals."
)


def panels() -> list[Panel]:
    """First how much and how well, then of what kind."""
    return [*_totals(), *_calls(), *_kinds()]


def _totals() -> list[Panel]:
    return [
        numbers(
            f"Verbatims, {HOURS} h · Verbatims",
            FR.format("verbatims analysés et écartés"),
            EN.format("verbatims analysed and skipped"),
            units.Short,
            latest(shown(catalogue.ANALYZED), "analysed · analysés"),
            latest(shown(catalogue.SKIPPED), "skipped · écartés"),
        ),
        numbers(
            f"Errors, {HOURS} h · Erreurs",
            FR.format("réponses hors contrat (JSON), réponses vides, lignes ou chargements refusés"),
            EN.format("answers that broke the contract (JSON), empty answers, refused rows or loads"),
            units.Short,
            latest(shown(catalogue.JSON_ERRORS), "JSON"),
            latest(shown(catalogue.EMPTY_RESPONSES), "empty · vides"),
            latest(shown(catalogue.LOAD_ERRORS), "warehouse · entrepôt"),
        ),
        numbers(
            f"Cost, {HOURS} h · Coût",
            FR.format("coût des appels, en dollars (rien n'est facturé en sandbox)"),
            EN.format("cost of the calls, in dollars (nothing is billed in the sandbox)"),
            units.Dollars,
            latest(shown(catalogue.COST), "USD"),
        ),
        numbers(
            f"Tokens, {HOURS} h · Jetons",
            FR.format("jetons payés, en entrée (cache compris) et en sortie"),
            EN.format("tokens paid, input (cache included) and output"),
            units.Short,
            latest(shown(catalogue.TOKENS, by="type"), "{{type}}"),
        ),
    ]


def _calls() -> list[Panel]:
    bucket = series(f"{catalogue.DURATION.prometheus_name}_bucket")
    mean = f"{shown(catalogue.DURATION, '_sum')} / {shown(catalogue.DURATION, '_count')}"
    return [
        numbers(
            f"Call, {HOURS} h · Appel",
            FR.format("durée des appels terminés, en moyenne et pour 95 % d'entre eux (p95)"),
            EN.format("duration of ended calls, their mean and what 95 % of them stay under (p95)"),
            units.Seconds,
            latest(mean, "mean · moyenne"),
            latest(f"histogram_quantile(0.95, sum by (le) ({bucket}))", "p95"),
        ),
        numbers(
            "Success, reported · Succès",
            "réponses valides parmi les appels terminés du lancement qui a écrit le dernier ; visible pendant 30 h.",
            "valid answers out of the ended calls of the run that reported last; visible for 30 h.",
            units.PercentUnit,
            latest(reported(catalogue.SUCCESS_RATIO), "valid · valides"),
        ),
        numbers(
            "Text, reported · Texte",
            "caractères, après masquage, du verbatim envoyé par le processus qui a écrit le dernier ; visible 30 h.",
            "masked characters of the verbatim sent by the process that reported last; visible for 30 h.",
            units.Short,
            latest(reported(catalogue.CURRENT_SIZE), "latest · dernier"),
        ),
        numbers(
            f"Topics, {HOURS} h · Thèmes",
            FR.format("thèmes hors du référentiel"),
            EN.format("themes outside the reference base"),
            units.Short,
            latest(shown(catalogue.NEW_TOPICS), "new topics · nouveaux thèmes"),
        ),
    ]


def _kinds() -> list[Panel]:
    took, ended = (shown(catalogue.STAGE_DURATION, part, by="stage") for part in ("_sum", "_count"))
    return [
        coloured(
            bars(
                f"Sentiment, {HOURS} h · Sentiment",
                FR.format("verbatims analysés, par sentiment"),
                EN.format("verbatims analysed, by sentiment"),
                units.Short,
                latest(shown(catalogue.ANALYZED, by="sentiment"), "{{sentiment}}"),
            ),
            SENTIMENT,
        ),
        coloured(
            bars(
                f"Lengths, {HOURS} h · Longueurs",
                FR.format("verbatims analysés : court (< 100 caractères), moyen (< 500), long"),
                EN.format("verbatims analysed: short (< 100 characters), medium (< 500), long"),
                units.Short,
                latest(shown(catalogue.LENGTHS, by="length"), "{{length}}"),
            ),
            LENGTH,
        ),
        coloured(
            bars(
                f"Outcomes, {HOURS} h · Issues",
                FR.format("appels terminés, par issue"),
                EN.format("ended calls, by outcome"),
                units.Short,
                latest(shown(catalogue.CALLS, by="outcome"), "{{outcome}}"),
            ),
            OUTCOME,
        ),
        in_order(
            bars(
                f"Stages, {HOURS} h · Étapes",
                FR.format("durée moyenne de chaque étape (run : le lancement entier)"),
                EN.format("mean duration of each stage (run: the whole run)"),
                units.Seconds,
                latest(f"{took} / {ended}", "{{stage}}"),
            ),
            run="le lancement entier",
            scrape="lire",
            clean="nettoyer",
            analyse="analyser",
            load="charger",
            publish="publier",
        ),
    ]
