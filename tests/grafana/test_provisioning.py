"""Grafana's provisioning: linked data sources and the dashboard folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipeline.telemetry import catalogue

from .queries import GRAFANA, ROOT, dashboards, datasources, exemplar_labels, metric_names, span_queries

FILES = sorted((GRAFANA / "provisioning").rglob("*.yaml"))
COMPOSE = ROOT / "docker-compose.yml"
DEFAULTS = {
    "PROMETHEUS_URL": "http://prometheus:9090",
    "TEMPO_URL": "http://tempo:3200",
    "ALERTMANAGER_URL": "http://alertmanager:9093",
}
"""Grafana's files can't hold default values, so docker-compose.yml holds them."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_dollar_is_one_of_our_variables_or_escaped(file: Path) -> None:
    text = re.sub(r"(?m)^\s*#.*$|\s#\s.*$", "", file.read_text(encoding="utf-8"))
    assert yaml.safe_load(text)["apiVersion"] == 1
    left = re.sub(r"\$\{(\w+)\}", lambda found: "" if found[1] in DEFAULTS else found[0], text.replace("$$", ""))
    assert "$" not in left


def test_the_data_sources_have_fixed_uids_and_an_address_from_the_environment() -> None:
    found = {uid: (source["type"], source["url"]) for uid, source in datasources().items()}
    assert found == {name: (name, f"${{{name.upper()}_URL}}") for name in ("prometheus", "tempo", "alertmanager")}


def test_prometheus_is_queried_by_post_with_its_scrape_interval() -> None:
    config = yaml.safe_load((ROOT / "otel" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    settings = datasources()["prometheus"]["jsonData"]
    assert settings["httpMethod"] == "POST"
    assert settings["timeInterval"] == config["global"]["scrape_interval"]


def test_alerts_are_those_of_prometheus_and_their_silences_those_of_its_alertmanager() -> None:
    prometheus = datasources()["prometheus"]["jsonData"]
    assert prometheus["manageAlerts"]
    alertmanager = datasources()[prometheus["alertmanagerUid"]]
    assert alertmanager["type"] == "alertmanager"
    assert alertmanager["jsonData"] == {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}


def test_an_exemplar_links_to_tempo_by_its_label() -> None:
    """In a dashboard: a Viewer may not open Explore."""
    assert exemplar_labels() == ["trace_id"]
    [destination] = datasources()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    found = re.fullmatch(r"/d/(\w+)\?var-(\w+)=\$\$\{__value\.raw\}", destination["url"])
    assert found
    uid, variable = found.groups()
    [panel] = [panel for panel in dashboards()[uid]["panels"] if panel["type"] == "traces"]
    assert [target["query"] for target in panel["targets"]] == [f"${{{variable}}}"]
    assert datasources()[panel["datasource"]["uid"]]["type"] == "tempo"
    assert variable in {each["name"] for each in dashboards()[uid]["templating"]["list"]}


def test_a_span_links_to_the_metrics_of_its_process() -> None:
    link = datasources()["tempo"]["jsonData"]["tracesToMetrics"]
    assert datasources()[link["datasourceUid"]]["type"] == "prometheus"
    assert {tag["key"]: tag["value"] for tag in link["tags"]} == {
        "service.name": "job",
        catalogue.ENVIRONMENT: catalogue.ENVIRONMENT_LABEL,
    }
    assert link["spanStartTimeShift"].startswith("-") and not link["spanEndTimeShift"].startswith("-")
    span = {"service.name": "verbatims", catalogue.ENVIRONMENT: "prod", "http.request.method": "POST"}
    for query in span_queries(span):
        assert f'{{job="verbatims", {catalogue.ENVIRONMENT_LABEL}="prod"}}' in query
        assert metric_names(query) <= {
            f"{catalogue.DURATION.prometheus_name}_bucket",
            catalogue.CALLS.prometheus_name,
            catalogue.COST.prometheus_name,
        }


def test_the_service_graph_uses_a_provisioned_prometheus() -> None:
    tempo = datasources()["tempo"]["jsonData"]
    assert datasources()[tempo["serviceMap"]["datasourceUid"]]["type"] == "prometheus"
    assert tempo["nodeGraph"]["enabled"]


def test_compose_gives_grafana_its_addresses_and_its_dashboards() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    for variable, default in DEFAULTS.items():
        assert re.search(rf"\b{variable}[:=].*{default}", text), variable
    [provider] = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "verbatims.yaml").read_text())["providers"]
    assert f"./grafana/built:{provider['options']['path']}" in text


def test_grafana_lets_a_viewer_in_shows_a_dashboard_first_and_fetches_no_news() -> None:
    grafana = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["grafana"]
    settings = grafana["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "${GRAFANA_ROLE:-Viewer}"
    assert settings["GF_NEWS_NEWS_FEED_ENABLED"] == "false"
    home = Path(settings["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert f"./grafana/built:{home.parent}:ro" in grafana["volumes"]
    assert (GRAFANA / "built" / home.name).is_file()


def test_the_image_of_grafana_is_no_older_than_the_least_version() -> None:
    image = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["grafana"]["image"]
    version = tuple(map(int, re.findall(r":(\d+)\.(\d+)\.\d+\}", image)[0]))
    page = (ROOT / "docs" / "en" / "install.md").read_text(encoding="utf-8")
    least = re.search(r"Grafana \((\d+)\.(\d+) at least", page)
    assert least and version >= tuple(map(int, least.groups()))
