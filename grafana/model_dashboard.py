"""The dashboard *Model*: whether its answers changed, and how good they were when last evaluated."""

from __future__ import annotations

import model_evaluations
import model_mix
import model_signals
from boards import begun, mark, several, with_rows
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard
from palette import OCHRE, VIOLET
from promql import series, store

from pipeline.telemetry import catalogue
from pipeline.telemetry import model as gauges


def model() -> dashboard.Dashboard:
    """The whole dashboard; each row is a file of its own."""
    made = begun(
        "Model · Modèle",
        "model",
        "les réponses du modèle, nuit par nuit : ont-elles changé, et étaient-elles justes à la dernière évaluation ?",
        "the model's answers, night by night: did they change, and were they right when last evaluated?",
        # the sentinel's source, `all`, is none to choose
        [several("source", "Source", "source", catalogue.ANALYZED, prefix="store_")],
    )
    # a verdict comes once a night: a day would show one
    made.time("now-30d", "now").refresh("5m")
    for each in _versions():
        made.annotation(each)
    return with_rows(made, (model_signals, model_mix, model_evaluations))


def _versions() -> list[build.AnnotationQuery]:
    """Marks of what may explain a change: another model in use, and an evaluation.

    Each is an hour long, so that the steps of a month's graph do not miss it.
    """
    cost, evaluated = series(catalogue.MODEL_COST.prometheus_name), store(gauges.EVALUATED_AT)
    # the Collector forgets a process after 30 h: a model that pauses for a night is no new one
    new = f"count by (model) ({cost}) unless count by (model) (last_over_time({cost}[2d] offset 1h))"
    again = f"max by (analyser) ({evaluated} unless {evaluated} offset 1h or changes({evaluated}[1h]) > 0)"
    return [
        mark("New model · Nouveau modèle", new, "{{model}}", OCHRE),
        mark("Evaluations · Évaluations", again, "{{analyser}}", VIOLET),
    ]
