"""The row *Ever*: totals since the first run, exact, from the store by way of the exporter."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from panels import Panel, bars, latest, numbers, store

from pipeline.telemetry import catalogue

TITLE = "Ever · Depuis toujours"


def panels() -> list[Panel]:
    """First how much, then of what kind."""
    return [*_totals(), *_money_and_debts(), *_kinds()]


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
            latest(f"max({store(catalogue.SUCCESS_RATIO)})", "valid · valides"),
            width=4,
        ),
        numbers(
            "Size of the latest text",
            "caractères, après masquage, du dernier verbatim envoyé à Claude.",
            "masked characters of the verbatim last sent to Claude.",
            "suffix:characters",
            latest(f"max({store(catalogue.CURRENT_SIZE)})", "latest · dernier"),
            width=4,
        ),
    ]


def _money_and_debts() -> list[Panel]:
    return [
        numbers(
            "Cost, ever",
            "coût de tous les appels depuis le premier lancement, en dollars (rien n'est facturé en sandbox).",
            "cost of all calls since the first run, in dollars (nothing is billed in the sandbox).",
            units.Dollars,
            latest(f"sum({store(catalogue.COST)})", "USD"),
        ),
        numbers(
            "Tokens, ever",
            "jetons payés depuis le premier lancement, en entrée (cache compris) et en sortie.",
            "tokens paid since the first run, input (cache included) and output.",
            "suffix:tokens",
            latest(f"sum by (type) ({store(catalogue.TOKENS)})", "{{type}}"),
        ),
        numbers(
            "Dead letters",
            "lignes que l'entrepôt a refusées et n'a pas reprises depuis : elles manquent aux analystes (RowsMissing).",
            "rows that the warehouse refused and has not taken since: analysts miss them (RowsMissing).",
            "suffix:rows",
            latest(f"sum({store(catalogue.DEAD_LETTERS)})", "missing · manquantes"),
        ),
        numbers(
            "Pending verbatims",
            "verbatims qui valent un appel et n'ont pas encore d'issue ; le prochain lancement les reprend.",
            "verbatims that are worth a call and have no outcome yet; the next run takes them up.",
            "suffix:verbatims",
            latest(f"sum({store(catalogue.PENDING)})", "pending · en attente"),
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
