"""The dashboards *Claude*, about all calls together, and *Calls*, about single ones."""

from __future__ import annotations

import claude_budget
import claude_calls
import claude_costs
import claude_requests
from boards import begun, several, with_rows
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard
from traces import calls_by_outcome, one_call, slow_calls

from pipeline.records import Outcome
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
    return with_rows(made, (claude_calls, claude_costs, claude_budget, claude_requests))


def calls() -> dashboard.Dashboard:
    """Searches for calls, and the trace of one; all other dashboards lead here."""
    outcomes = ",".join(outcome.value for outcome in Outcome)
    outcome = build.CustomVariable("outcome").label("Outcome · Issue").values(outcomes).multi(True).include_all(True)
    outcome.current(dashboard.VariableOption(selected=True, text="All", value="$__all")).all_value(".*")
    made = begun(
        "Calls · Appels",
        "calls",
        "les appels à Claude un par un : les lents, ceux d'une issue, et la trace de l'un d'eux.",
        "the calls to Claude one by one: the slow ones, those of an outcome, and the trace of one.",
        [outcome, build.TextBoxVariable("trace").label("Trace")],
    )
    for panel in (one_call(), slow_calls(), calls_by_outcome()):
        made.with_panel(panel)
    return with_rows(made, ())
