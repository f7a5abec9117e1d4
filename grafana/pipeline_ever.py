"""The row *Ever*: totals since the first run, exact, from the store by way of the exporter."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from palette import LENGTH, OUTCOME, SENTIMENT
from panels import Panel, bars, coloured, numbers
from promql import latest, store

from pipeline.telemetry import catalogue

TITLE = "Ever · Depuis toujours"
MOST = 10
"""Bars that can be read in one panel."""


def panels() -> list[Panel]:
    """First how much, then of what kind."""
    return [*_totals(), *_money_and_debts(), *_kinds()]


def _totals() -> list[Panel]:
    calls, seconds = store(catalogue.DURATION, "_count"), store(catalogue.DURATION, "_sum")
    return [
        numbers(
            "Verbatims, ever · Verbatims",
            "verbatims analysés et écartés depuis le premier lancement ; analysés = lignes de l'entrepôt.",
            "verbatims analysed and skipped since the first run; analysed equals the rows in the warehouse.",
            units.Short,
            latest(f"sum({store(catalogue.ANALYZED)})", "analysed · analysés"),
            latest(f"sum({store(catalogue.SKIPPED)})", "skipped · écartés"),
        ),
        numbers(
            "Errors, ever · Erreurs",
            "réponses hors contrat (JSON), réponses vides, lignes ou chargements refusés, depuis le premier lancement.",
            "answers that broke the contract (JSON), empty answers, refused rows or loads, since the first run.",
            units.Short,
            latest(f"sum({store(catalogue.JSON_ERRORS)})", "JSON"),
            latest(f"sum({store(catalogue.EMPTY_RESPONSES)})", "empty · vides"),
            latest(f"sum({store(catalogue.LOAD_ERRORS)})", "warehouse · entrepôt"),
        ),
        numbers(
            "Mean call · Appel moyen",
            "durée moyenne d'un appel terminé, depuis le premier lancement.",
            "mean duration of an ended call, since the first run.",
            units.Seconds,
            latest(f"sum({seconds}) / sum({calls})", "mean · moyenne"),
        ),
        numbers(
            "Success, latest · Succès",
            "réponses valides parmi les appels terminés du dernier lancement.",
            "valid answers out of the ended calls of the latest run.",
            units.PercentUnit,
            latest(f"max({store(catalogue.SUCCESS_RATIO)})", "valid · valides"),
        ),
        numbers(
            "Latest text · Dernier texte",
            "caractères, après masquage, du dernier verbatim envoyé à Claude.",
            "masked characters of the verbatim last sent to Claude.",
            units.Short,
            latest(f"max({store(catalogue.CURRENT_SIZE)})", "latest · dernier"),
        ),
    ]


def _money_and_debts() -> list[Panel]:
    return [
        numbers(
            "Cost, ever · Coût",
            "coût de tous les appels depuis le premier lancement, en dollars (rien n'est facturé en sandbox).",
            "cost of all calls since the first run, in dollars (nothing is billed in the sandbox).",
            units.Dollars,
            latest(f"sum({store(catalogue.COST)})", "USD"),
        ),
        numbers(
            "Tokens, ever · Jetons",
            "jetons payés depuis le premier lancement, en entrée (cache compris) et en sortie.",
            "tokens paid since the first run, input (cache included) and output.",
            units.Short,
            latest(f"sum by (type) ({store(catalogue.TOKENS)})", "{{type}}"),
        ),
        numbers(
            "Dead letters · Refusées",
            "lignes que l'entrepôt a refusées et n'a pas reprises depuis : elles manquent aux analystes (RowsMissing).",
            "rows that the warehouse refused and has not taken since: analysts miss them (RowsMissing).",
            units.Short,
            latest(f"sum({store(catalogue.DEAD_LETTERS)})", "missing · manquantes"),
        ),
        numbers(
            "Pending · En attente",
            "verbatims qui valent un appel et n'ont pas encore d'issue ; le prochain lancement les reprend.",
            "verbatims that are worth a call and have no outcome yet; the next run takes them up.",
            units.Short,
            latest(f"sum({store(catalogue.PENDING)})", "pending · en attente"),
        ),
    ]


def _kinds() -> list[Panel]:
    return [
        coloured(
            bars(
                "Sentiment, ever · Sentiment",
                "verbatims analysés depuis le premier lancement, par sentiment.",
                "verbatims analysed since the first run, by sentiment.",
                units.Short,
                latest(f"sum by (sentiment) ({store(catalogue.ANALYZED)})", "{{sentiment}}"),
            ),
            SENTIMENT,
        ),
        coloured(
            bars(
                "Lengths, ever · Longueurs",
                "verbatims analysés depuis le premier lancement, par longueur.",
                "verbatims analysed since the first run, by length.",
                units.Short,
                latest(f"sum by (length) ({store(catalogue.LENGTHS)})", "{{length}}"),
            ),
            LENGTH,
        ),
        coloured(
            bars(
                "Outcomes, ever · Issues",
                "appels terminés depuis le premier lancement, par issue.",
                "calls ended since the first run, by outcome.",
                units.Short,
                latest(f"sum by (outcome) ({store(catalogue.DURATION, '_count')})", "{{outcome}}"),
            ),
            OUTCOME,
        ),
        *_mix(),
        numbers(
            "New topics · Nouveaux",
            "thèmes hors du référentiel, nommés depuis le premier lancement.",
            "themes outside the reference base, named since the first run.",
            units.Short,
            latest(f"sum({store(catalogue.NEW_TOPICS)})", "new topics · nouveaux thèmes"),
        ),
    ]


def _mix() -> list[Panel]:
    """What has no closed set of names: the most frequent ones."""
    return [
        bars(
            "Topics, ever · Thèmes",
            f"les {MOST} thèmes du référentiel les plus nommés, depuis le premier lancement.",
            f"the {MOST} topics of the reference base that verbatims name most, since the first run.",
            units.Short,
            latest(f"topk({MOST}, sum by (topic) ({store(catalogue.TOPICS)}))", "{{topic}}"),
        ),
        bars(
            "Languages, ever · Langues",
            f"les {MOST} langues les plus fréquentes ; unknown : ni la source ni le texte ne la disent.",
            f"the {MOST} most frequent languages; unknown: neither source nor text tells.",
            units.Short,
            latest(f"topk({MOST}, sum by (language) ({store(catalogue.LANGUAGES)}))", "{{language}}"),
        ),
    ]
