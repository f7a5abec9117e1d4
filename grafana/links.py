"""Where a panel or a dashboard leads: traces in Tempo, the other dashboards, Airflow, the runbook, Alertmanager."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build

from pipeline.telemetry import catalogue

# where a browser finds them on the machine that runs docker compose; Grafana itself asks its data sources
ALERTMANAGER = "http://127.0.0.1:9093"
AIRFLOW = "http://127.0.0.1:8080"
RUNBOOK = "http://127.0.0.1:9090/user/runbook.html"
VERBATIM_SPAN, ATTEMPT_SPAN = "analyse verbatim", "attempt"
"""The span around all attempts for one verbatim, and that of one attempt, as the observer names them."""
ATTEMPTS = f'name = "{ATTEMPT_SPAN}" && resource.{catalogue.ENVIRONMENT} = "${{environment}}"'
"""In TraceQL: the attempts, which is what the metrics count, of the environment chosen at the top."""


def attempts(*conditions: str) -> str:
    """A search in TraceQL for attempts."""
    return f"{{ {' && '.join((ATTEMPTS, *conditions))} }}"


def calls(title: str, outcome: str = "") -> build.DashboardLink:
    """A link to the dashboard of single calls: those of an outcome, or all.

    Not to Explore, where a Viewer may not go: nobody has to log in to see a trace.
    """
    chosen = f"&var-outcome={outcome}" if outcome else ""
    url = f"/d/calls?var-environment=${{environment}}{chosen}&${{__url_time_range}}"
    return build.DashboardLink(title).url(url).target_blank(True)


def trace(identifier: str) -> dict[str, object]:
    """A link of a table's cell to the trace with this identifier."""
    url = f"/d/calls?var-environment=${{environment}}&var-trace={identifier}&${{__url_time_range}}"
    return {"title": "Trace of this call · Trace de cet appel", "url": url, "targetBlank": False}


def board(title: str, uid: str) -> build.DashboardLink:
    """A link to another dashboard, with the time and the environment chosen here."""
    return build.DashboardLink(title).url(f"/d/{uid}").include_vars(True).keep_time(True)


def page(title: str, url: str) -> build.DashboardLink:
    """A link to a page outside of Grafana."""
    return build.DashboardLink(title).url(url).target_blank(True)


def runbook(alert: str) -> build.DashboardLink:
    """A link to what the runbook says of an alert."""
    return page(f"Runbook: {alert}", f"{RUNBOOK}#{alert.lower()}")


def dag(field: str) -> dict[str, object]:
    """A link of a table's cell to the runs of the DAG that a column of its row names."""
    return {
        "title": "Runs in Airflow · Lancements dans Airflow",
        "url": f'{AIRFLOW}/dags/${{__data.fields["{field}"]}}/runs',
        "targetBlank": True,
    }
