"""The row *Budget and batches* of the dashboard *Claude*: what is left of the day's budget, and what is under way."""

from __future__ import annotations

from grafana_foundation_sdk.models import units
from links import runbook
from panels import Panel, dashed, in_order, lines
from promql import query, store

from pipeline.telemetry import budgets

TITLE = "Budget and batches · Budget et lots"
NEARLY = 0.8
"""Of the day's budget; as in the alert BudgetNearlyUsed."""
OVERDUE_S = 25 * 3600.0
"""As in the alert BatchOverdue."""


def panels() -> list[Panel]:
    """First the money, then the batches."""
    return [_budget(), _used(), _open(), _oldest()]


def _budget() -> Panel:
    names = "spent · dépensé", "limit · limite"
    panel = lines(
        "Budget of the day · Budget du jour",
        "ce que tous les lancements ont dépensé et réservé depuis minuit UTC, en dollars, et la limite "
        "(VERBATIMS_BUDGET_USD_PER_DAY) s'il y en a une. Un lot en cours réserve ce qu'il peut coûter au plus.",
        "what all runs have spent and reserved since midnight UTC, in dollars, and the limit "
        "(VERBATIMS_BUDGET_USD_PER_DAY) where there is one. A batch under way reserves the most that it can cost.",
        units.Dollars,
        query(f"max({store(budgets.SPENT)})", names[0]),
        query(f"max({store(budgets.BUDGET)})", names[1]),
    )
    return in_order(panel, *names).links([runbook("BudgetNearlyUsed")])


def _used() -> Panel:
    panel = lines(
        "Budget used · Budget consommé",
        "part du budget du jour qui est dépensée ou réservée ; rien sans budget. Tirets : à partir de là une alerte "
        "prévient.",
        "share of the day's budget that is spent or reserved; nothing without a budget. Dashes: from there on an "
        "alert tells.",
        units.PercentUnit,
        query(f"max({store(budgets.SPENT)} / {store(budgets.BUDGET)})", "used · consommé"),
    )
    return dashed(panel, NEARLY).links([runbook("BudgetNearlyUsed")])


def _open() -> Panel:
    return lines(
        "Batches under way · Lots en cours",
        "lots qui se remplissent, que Claude traite, ou qui ne sont pas encore recueillis et effacés chez lui.",
        "batches being filled, at work on Claude's side, or not yet collected and deleted there.",
        units.Short,
        query(f"max({store(budgets.BATCHES_OPEN)})", "open · en cours"),
    )


def _oldest() -> Panel:
    panel = lines(
        "Oldest batch · Lot le plus ancien",
        "depuis combien de temps existe le plus ancien lot en cours ; rien s'il n'y en a pas. Tirets : à partir de là "
        "une alerte prévient, car Claude l'a terminé ou laissé expirer.",
        "how long the oldest batch under way has existed; nothing where there is none. Dashes: from there on an alert "
        "tells, since Claude has ended it or let it expire.",
        units.Seconds,
        query(f"time() - min({store(budgets.BATCH_OLDEST)})", "age · âge"),
    )
    return dashed(panel, OVERDUE_S).links([runbook("BatchOverdue")])
