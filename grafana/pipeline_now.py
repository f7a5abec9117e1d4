"""The row *Now*: what comes out of the pipeline, from moment to moment, over the time shown."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from palette import SENTIMENT, SKIP_REASON
from panels import Panel, bars, coloured, counts, in_order, lines
from promql import counted, latest, query, reported, series, store

from pipeline.telemetry import catalogue

TITLE = "Now · Maintenant"
SOURCES = 'source=~"$source"'
"""Those chosen at the top."""
STEPS_FR = "Chaque marche compte un intervalle ; la légende donne le total de la période."
STEPS_EN = "Each step counts one interval; the legend has the total of the time shown."


def panels() -> list[Panel]:
    """First what comes out, then what is left and what goes wrong, then what the texts are like."""
    return [*_work(), *_shares(), *_debts(), *_texts()]


def _work() -> list[Panel]:
    return [
        coloured(
            counts(
                "Analysed · Analysés",
                f"verbatims analysés, par sentiment, comptés une fois, au premier enregistrement. {STEPS_FR}",
                f"verbatims analysed, by sentiment, counted once, when first committed. {STEPS_EN}",
                units.Short,
                query(counted(catalogue.ANALYZED, "sentiment", SOURCES), "{{sentiment}}"),
            ),
            SENTIMENT,
        ),
        coloured(
            counts(
                "Skipped · Écartés",
                f"verbatims écartés, par raison, avant tout appel, donc sans coût. {STEPS_FR}",
                f"verbatims put aside, by reason, before any call, so without cost. {STEPS_EN}",
                units.Short,
                query(counted(catalogue.SKIPPED, "reason", SOURCES), "{{reason}}"),
            ),
            SKIP_REASON,
        ),
    ]


def _shares() -> list[Panel]:
    by_sentiment = counted(catalogue.ANALYZED, "sentiment", SOURCES)
    share = f"{by_sentiment} / on () group_left () ({counted(catalogue.ANALYZED, '', SOURCES)} > 0)"
    analysed = series(catalogue.ANALYZED.prometheus_name, SOURCES)
    return [
        coloured(
            lines(
                "Share of sentiments · Part des sentiments",
                "part de chaque sentiment parmi les verbatims analysés dans l'intervalle ; rien sans verbatim.",
                "share of each sentiment among the verbatims analysed in the interval; nothing without verbatims.",
                units.PercentUnit,
                query(share, "{{sentiment}}"),
            ),
            SENTIMENT,
        ),
        bars(
            "Analysed by source · Analysés par source",
            "verbatims analysés par les processus terminés depuis 30 h au plus, par source.",
            "verbatims analysed by the processes that ended within 30 h, by source.",
            units.Short,
            latest(f"sum by (source) ({analysed})", "{{source}}"),
            width=12,
        ),
    ]


def _debts() -> list[Panel]:
    names = "pending · en attente", "dead letters · lignes refusées"
    return [
        in_order(
            lines(
                "Backlog · Reste à faire",
                "verbatims qui valent un appel et n'ont pas encore d'issue (alerte Unanswered), et lignes que "
                "l'entrepôt a refusées et n'a pas reprises depuis (alerte RowsMissing).",
                "verbatims that are worth a call and have no outcome yet (alert Unanswered), and rows that the "
                "warehouse refused and has not taken since (alert RowsMissing).",
                units.Short,
                query(f"sum({store(catalogue.PENDING)})", names[0]),
                query(f"sum({store(catalogue.DEAD_LETTERS)})", names[1]),
            ),
            *names,
        ),
        in_order(
            counts(
                "Refused rows · Lignes refusées",
                f"lignes (row_refused) ou chargements entiers (job_failed) qui n'ont pas abouti. {STEPS_FR}",
                f"rows (row_refused) or whole loads (job_failed) that did not arrive. {STEPS_EN}",
                units.Short,
                query(counted(catalogue.LOAD_ERRORS, "reason"), "{{reason}}"),
            ),
            row_refused="ligne refusée",
            job_failed="chargement échoué",
        ),
    ]


def _texts() -> list[Panel]:
    return [
        lines(
            "Last text sent · Dernier texte envoyé",
            "caractères, après masquage, du dernier verbatim envoyé ; du processus qui a écrit le dernier.",
            "masked characters of the verbatim sent last; of the process that reported last.",
            units.Short,
            query(reported(catalogue.CURRENT_SIZE), "latest · dernier"),
        ),
        counts(
            "New topics · Nouveaux thèmes",
            "thèmes hors du référentiel ; beaucoup d'un coup : le référentiel ou la source a vieilli. " + STEPS_FR,
            "themes outside the reference base; many at once: the base or the source has aged. " + STEPS_EN,
            units.Short,
            query(counted(catalogue.NEW_TOPICS), "new topics · nouveaux thèmes"),
        ),
    ]
