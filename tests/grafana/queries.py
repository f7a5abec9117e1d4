"""Grafana's queries from its provisioned files, for the tests here and those with a Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "grafana"
FILLED_IN = {
    "$__rate_interval": "5m",
    "$__range": "1h",
    "$__interval_ms": "600000",
    "$__interval": "10m",
    "$environment": "sandbox",
} | dict.fromkeys(("$source", "$model", "$dag"), ".*")
"""The values of Grafana's variables: a range of one hour, in the sandbox."""
SERVERS = {
    "otelcol_exporter_queue_size": {"exporter"},
    "otelcol_exporter_queue_capacity": {"exporter"},
    "verbatims:spans_lost:total": {"job"},
    "push_time_seconds": {"dag_id", "task_id"},
    "ALERTS": {"alertname", "severity", "deployment_environment_name"},
}
"""What panels show beside the catalogue, about the servers themselves: the name and its labels."""


def dashboards() -> dict[str, dict[str, Any]]:
    """File name → committed dashboard."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (GRAFANA / "built").glob("*.json")}


def panels() -> Iterator[dict[str, Any]]:
    """Every panel of every dashboard, without rows."""
    for dashboard in dashboards().values():
        yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


def targets() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(panel, target) of each query to Prometheus."""
    for panel in panels():
        asked = (target for target in panel.get("targets", []) if target["datasource"]["type"] == "prometheus")
        yield from ((panel, target) for target in asked)


def links() -> list[tuple[str, str]]:
    """(title, address) of every link of dashboards, panels, values and cells."""
    found = []
    for dashboard in dashboards().values():
        found += dashboard["links"]
        for panel in dashboard["panels"]:
            fields = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
            found += panel.get("links", []) + fields["defaults"].get("links", [])
            properties = [each for override in fields["overrides"] for each in override["properties"]]
            found += [link for each in properties if each["id"] == "links" for link in each["value"]]
    return [(link["title"], link["url"]) for link in found]


def searches() -> list[str]:
    """Every search in Tempo, in TraceQL."""
    targets = (target for panel in panels() for target in panel.get("targets", []))
    asked = (target["query"] for target in targets if target["datasource"]["type"] == "tempo")
    return list(dict.fromkeys(query for query in asked if query.startswith("{")))


def queries() -> list[str]:
    """The distinct queries of all panels as sent to Prometheus."""
    return list(dict.fromkeys(expand(target["expr"]) for _, target in targets()))


def asks_airflow(query: str) -> bool:
    """Whether it reads Airflow's own metrics, which exist only beside a running Airflow."""
    return bool(re.search(r"\bairflow_", query))


def asks_model(query: str) -> bool:
    """Whether it reads the model's gauges alone, which exist only after many nights or an evaluation."""
    names = metric_names(query)
    return bool(names) and all(name.startswith("store_model_") for name in names)


def expand(expression: str) -> str:
    """Replace Grafana's variables; fails if one is left."""
    for variable, value in FILLED_IN.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


def datasources() -> dict[str, dict[str, Any]]:
    """The provisioned data sources, by uid."""
    files = sorted((GRAFANA / "provisioning" / "datasources").glob("*.yaml"))
    found = [source for file in files for source in yaml.safe_load(file.read_text(encoding="utf-8"))["datasources"]]
    return {source["uid"]: source for source in found}


def exemplar_labels() -> list[str]:
    """The labels of an exemplar that lead to a trace."""
    return [each["name"] for each in datasources()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]]


def span_queries(attributes: Mapping[str, str]) -> list[str]:
    """The queries of Tempo's data source for a span's attributes and its resource's."""
    link = datasources()["tempo"]["jsonData"]["tracesToMetrics"]
    labels = [f'{tag["value"]}="{attributes[tag["key"]]}"' for tag in link["tags"] if tag["key"] in attributes]
    return [expand(each["query"].replace("$$__tags", ", ".join(labels))) for each in link["queries"]]


def metric_names(expression: str) -> set[str]:
    """The metrics that an expression reads."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', "", expression)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    words = re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare)
    return set(words) - {"bool", "and", "or", "unless", "offset"}
