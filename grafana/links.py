"""Where a panel or a dashboard leads: traces in Tempo, the other dashboards, Airflow, the runbook, Alertmanager."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

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


def explore(traceql: str) -> str:
    """The address of a search for the traces of the time shown; Grafana fills in what stands in ${…}."""
    asked = {"refId": "A", "datasource": {"type": "tempo", "uid": "tempo"}, "queryType": "traceql", "query": traceql}
    panes = {"t": {"datasource": "tempo", "queries": [asked], "range": {"from": "${__from}", "to": "${__to}"}}}
    encoded = re.sub(r"%24%7B([\w.]+)%7D", r"${\1}", quote(json.dumps(panes, separators=(",", ":")), safe=""))
    return f"/explore?schemaVersion=1&orgId=1&panes={encoded}"


def traces(title: str, traceql: str) -> build.DashboardLink:
    """A link to the traces of the time shown."""
    return build.DashboardLink(title).url(explore(traceql)).target_blank(True)


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
