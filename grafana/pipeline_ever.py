"""The row *Ever*: totals since the first run, exact, from the store by way of the exporter."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import Panel, bars, latest, numbers, store

from pipeline.telemetry import catalogue

TITLE = "Ever · Depuis toujours"


def panels() -> list[Panel]:
    """First how much, then of what kind."""
    return [*_totals(), *_kinds()]


def _totals() -> list[Panel]:
    calls, seconds = store(catalogue.DURATION, "_count"), store(catalogue.DURATION, "_sum")
    return [
        numbers(
            "Verbatims, ever",
            "verbatims analysés et écartés depuis le premier lancement ; analysés = lignes de l'entrepôt.",
            "verbatims analysed and skipped since the first run; analysed equals the rows in the warehouse.",
            "suffix:verbatims",
            latest(f"sum({store(catalogue.ANALYZED)})", "analysed · analysés"),
            latest(f"sum({store(catalogue.SKIPPED)})", "skipped · écartés"),
        ),
        numbers(
            "Errors, ever",
            "réponses hors contrat (JSON), réponses vides, lignes ou chargements refusés, depuis le premier lancement.",
            "answers that broke the contract (JSON), empty answers, refused rows or loads, since the first run.",
            "suffix:errors",
            latest(f"sum({store(catalogue.JSON_ERRORS)})", "JSON"),
            latest(f"sum({store(catalogue.EMPTY_RESPONSES)})", "empty · vides"),
            latest(f"sum({store(catalogue.LOAD_ERRORS)})", "warehouse · entrepôt"),
        ),
        numbers(
            "Mean duration of a call, ever",
            "durée moyenne d'un appel terminé, depuis le premier lancement.",
            "mean duration of an ended call, since the first run.",
            units.Seconds,
            latest(f"sum({seconds}) / sum({calls})", "mean · moyenne"),
            width=4,
        ),
        numbers(
            "Success ratio, latest run",
            "réponses valides parmi les appels terminés du dernier lancement.",
            "valid answers out of the ended calls of the latest run.",
            units.PercentUnit,
            latest(store(catalogue.SUCCESS_RATIO), "valid · valides"),
            width=4,
        ),
        numbers(
            "Size of the latest text",
            "caractères, après masquage, du dernier verbatim envoyé à Claude.",
            "masked characters of the verbatim last sent to Claude.",
            "suffix:characters",
            latest(store(catalogue.CURRENT_SIZE), "latest · dernier"),
            width=4,
        ),
    ]


def _kinds() -> list[Panel]:
    return [
        bars(
            "Sentiments, ever",
            "verbatims analysés depuis le premier lancement, par sentiment.",
            "verbatims analysed since the first run, by sentiment.",
            "suffix:verbatims",
            latest(f"sum by (sentiment) ({store(catalogue.ANALYZED)})", "{{sentiment}}"),
        ),
        bars(
            "Lengths, ever",
            "verbatims analysés depuis le premier lancement, par longueur.",
            "verbatims analysed since the first run, by length.",
            "suffix:verbatims",
            latest(f"sum by (length) ({store(catalogue.LENGTHS)})", "{{length}}"),
        ),
        bars(
            "Calls by outcome, ever",
            "appels terminés depuis le premier lancement, par issue.",
            "calls ended since the first run, by outcome.",
            "suffix:calls",
            latest(f"sum by (outcome) ({store(catalogue.DURATION, '_count')})", "{{outcome}}"),
        ),
        numbers(
            "New topics, ever",
            "thèmes hors du référentiel, nommés depuis le premier lancement.",
            "themes outside the reference base, named since the first run.",
            "suffix:topics",
            latest(f"sum({store(catalogue.NEW_TOPICS)})", "new topics · nouveaux thèmes"),
        ),
    ]
