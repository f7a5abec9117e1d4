"""What all dashboards have in common: their head, the choice at its top, the links, and the marks over time."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard
from links import AIRFLOW, RUNBOOK, board, calls, page
from palette import BLUE, VERMILION
from panels import row
from promql import PROMETHEUS, series

from pipeline.records import Outcome
from pipeline.telemetry import catalogue
from pipeline.telemetry.metric import Metric

Variable = build.QueryVariable | build.CustomVariable | build.TextBoxVariable
LABELLED = "|".join(
    (
        f"store_{catalogue.EMPTY_RESPONSES.prometheus_name}",
        catalogue.CALLS.prometheus_name,
        catalogue.BATCH_LAST_SUCCESS.prometheus_name,
    )
)
"""One metric of each kind: an environment is offered as soon as any of them has it."""
FAILED = "&var-outcome=".join(
    outcome.value for outcome in Outcome if outcome not in (Outcome.ANALYSED, Outcome.REFUSED)
)
"""All outcomes that a span shows as an error."""


def begun(title: str, uid: str, fr: str, en: str, variables: Iterable[Variable]) -> build.Dashboard:
    """An empty dashboard with everything around its panels."""
    made = build.Dashboard(title).uid(uid).tags(["verbatims"]).readonly().timezone("browser")
    made.description(f"FR: {fr}\n\nEN: {en}")
    # a day: last night's curves are there at any hour
    made.time("now-24h", "now").refresh("30s").tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    for variable in (environment(), *variables):
        made.with_variable(variable)
    for link in head():
        made.link(link)
    for each in marks():
        made.annotation(each)
    return made


def with_rows(made: build.Dashboard, rows: Iterable[ModuleType]) -> dashboard.Dashboard:
    """Add a row for each file that has a title and panels; give each panel a number by its place.

    Links to a panel stay valid as long as the order does.
    """
    for each in rows:
        made.with_row(row(each.TITLE))
        for panel in each.panels():
            made.with_panel(panel)
    built = made.build()
    for number, panel in enumerate(built.panels or [], 1):
        panel.id_val = number
    # the SDK would hide them in a menu
    for shown in (*(built.links or []), *(built.annotations.list_val or [])):
        shown.placement = None
    return built


def environment() -> build.QueryVariable:
    """One at a time, prod where there is one: Grafana takes the first of the list where this default isn't in it."""
    asked = f'label_values({{__name__=~"{LABELLED}"}}, {catalogue.ENVIRONMENT_LABEL})'
    made = _variable("environment", "Environment · Environnement", asked)
    made.current(dashboard.VariableOption(selected=True, text="prod", value="prod"))
    return made.multi(False).include_all(False)


def several(name: str, text: str, label: str, *metrics: Metric, prefix: str = "") -> build.QueryVariable:
    """All values of a label, of which one or more can be chosen; with the prefix `store_` those that the store has."""
    names = "|".join(prefix + metric.prometheus_name for metric in metrics)
    chosen = f'{{__name__=~"{names}", {catalogue.ENVIRONMENT_LABEL}="$environment"}}'
    made = _variable(name, text, f"label_values({chosen}, {label})")
    made.current(dashboard.VariableOption(selected=True, text="All", value="$__all"))
    return made.multi(True).include_all(True).all_value(".*")


def _variable(name: str, label: str, asked: str) -> build.QueryVariable:
    made = build.QueryVariable(name).label(label).datasource(PROMETHEUS)
    made.query({"query": asked, "refId": name, "qryType": 1}).definition(asked)
    made.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    return made.allow_custom_value(False)


def head() -> list[build.DashboardLink]:
    """The links beside the title, which a keyboard reaches: the dots of a heatmap are out of its reach."""
    return [
        _to(board("Pipeline", "pipeline")),
        _to(board("Claude", "claude")),
        _to(board("Model · Modèle", "model")),
        _to(calls("Slow calls · Appels lents").target_blank(False)),
        _to(calls("Failed calls · Appels en échec", FAILED).target_blank(False)),
        _to(page("Runbook · Que faire", RUNBOOK)),
        _to(page("Airflow", AIRFLOW)),
    ]


def _to(link: build.DashboardLink) -> build.DashboardLink:
    return link.type(dashboard.DashboardLinkType.LINK).icon("external link")


def marks() -> list[build.AnnotationQuery]:
    """Vertical lines with words: when a task came to its end, and when an alert began to fire."""
    ended = series(catalogue.BATCH_LAST_SUCCESS.prometheus_name)
    alerts = f'ALERTS{{alertstate="firing", severity!="none", {catalogue.ENVIRONMENT_LABEL}=~"$environment|"}}'
    return [
        mark("Ends of tasks · Fins de tâches", f"changes({ended}[2m]) > 0", "{{dag_id}} · {{task_id}}", BLUE),
        mark("Alerts · Alertes", alerts, "{{alertname}} ({{severity}})", VERMILION),
    ]


def mark(name: str, expr: str, text: str, colour: str) -> build.AnnotationQuery:
    """A mark of the form `text` where the query has a value, with the legend's placeholders."""
    made = build.AnnotationQuery().name(name).datasource(PROMETHEUS).enable(True).icon_color(colour)
    return made.expr(expr).step("60s").title_format(name).text_format(text)
