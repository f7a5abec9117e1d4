"""The dashboard *Claude*: how long calls take, how they end, and what they cost."""

from __future__ import annotations

import claude_calls
import claude_costs
from boards import begun, several, with_rows
from grafana_foundation_sdk.models import dashboard

from pipeline.telemetry import catalogue


def claude() -> dashboard.Dashboard:
    """The whole dashboard; each row is a file of its own."""
    model = several("model", "Model · Modèle", "model", catalogue.MODEL_COST)
    made = begun(
        "Claude",
        "claude",
        "les appels à Claude : leur durée, leur issue, leurs erreurs, leurs jetons et leur coût.",
        "the calls to Claude: their duration, outcomes, errors, tokens and cost.",
        [model],
    )
    return with_rows(made, (claude_calls, claude_costs))
