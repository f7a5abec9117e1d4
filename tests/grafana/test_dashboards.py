"""The dashboards are up to date, complete and accessible, and use only existing names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pipeline.records import Ask, Attempt, Outcome, Signal
from pipeline.telemetry import budgets, catalogue, model
from pipeline.telemetry.metric import Kind, Metric
from pipeline.telemetry.observer import TelemetryObserver

from .queries import (
    GRAFANA,
    ROOT,
    SERVERS,
    asks_airflow,
    dashboards,
    datasources,
    expand,
    links,
    metric_names,
    panels,
    queries,
    searches,
    targets,
)

NOT_ALONE = {"red", "green"}
GAUGES = {Kind.GAUGE, Kind.UP_DOWN_COUNTER}
RULES = ROOT / "otel" / "prometheus"
LETTERS_A_COLUMN = 3.6
"""Of the 24 columns of a window of 800 pixels: 32 pixels, less the icons beside a title."""
WITHOUT_VALUES = {"text", "alertlist", "traces"}
"""Types of panels that show words, not numbers with a unit."""


def build(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "build.py"), *options]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def readable(metric: Metric, prefix: str = "") -> set[str]:
    """A metric's series names in Prometheus; the store's histogram is a summary."""
    if metric.kind is not Kind.HISTOGRAM:
        return {prefix + metric.prometheus_name}
    parts = ("sum", "count") if prefix else ("bucket", "sum", "count")
    return {f"{prefix}{metric.prometheus_name}_{part}" for part in parts}


def rules(name: str) -> list[dict[str, Any]]:
    """The groups of a file of Prometheus' rules."""
    groups: list[dict[str, Any]] = yaml.safe_load((RULES / name).read_text(encoding="utf-8"))["groups"]
    return groups


def used() -> set[str]:
    return {name for _, target in targets() for name in metric_names(expand(target["expr"]))}


def steps(panel: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return found


def test_the_committed_dashboards_equal_the_built_ones() -> None:
    checked = build(GRAFANA, "--check")
    assert checked.returncode == 0, checked.stderr


def test_a_stale_dashboard_is_named_and_a_build_updates_it(tmp_path: Path) -> None:
    copy = tmp_path / "grafana"
    shutil.copytree(GRAFANA, copy, ignore=shutil.ignore_patterns("__pycache__"))
    built = copy / "built" / "pipeline.json"
    built.write_text(built.read_text(encoding="utf-8").replace("Verbatims", "Avis"), encoding="utf-8")
    checked = build(copy, "--check")
    assert checked.returncode == 1 and "pipeline.json is stale" in checked.stderr
    assert build(copy).returncode == 0
    assert built.read_bytes() == (GRAFANA / "built" / "pipeline.json").read_bytes()


def test_every_file_is_built_and_has_its_uid() -> None:
    assert {name: dashboard["uid"] for name, dashboard in dashboards().items()} == {
        "pipeline": "pipeline",
        "claude": "claude",
        "calls": "calls",
        "model": "model",
    }


def test_every_panel_has_a_title_a_description_in_both_languages_and_a_unit() -> None:
    for panel in panels():
        assert re.fullmatch(r".+ · .+", panel["title"]), panel["id"]
        assert re.fullmatch(r"FR: .+\n\nEN: .+", panel["description"]), panel["title"]
        if panel["type"] == "heatmap":  # the unit of the axis; a cell's unit is a count
            assert panel["options"]["yAxis"]["unit"] == "s"
        elif panel["type"] not in WITHOUT_VALUES:
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_no_title_is_cut_in_a_window_of_800_pixels() -> None:
    for panel in panels():
        assert len(panel["title"]) <= LETTERS_A_COLUMN * panel["gridPos"]["w"], panel["title"]


def test_no_table_is_wider_than_a_window_of_800_pixels() -> None:
    for panel in panels():
        if panel["type"] == "table" and panel["targets"][0]["datasource"]["type"] == "prometheus":
            least = panel["fieldConfig"]["defaults"]["custom"]["minWidth"]
            # columns: what the rows are about, and a value of each query
            labels = re.findall(r"by \(([^)]*)\)", panel["targets"][0]["expr"])[0].split(",")
            assert least * (len(labels) + len(panel["targets"])) <= 32 * panel["gridPos"]["w"], panel["title"]


def test_no_two_panels_share_an_id_a_title_or_a_place() -> None:
    for dashboard in dashboards().values():
        everything = dashboard["panels"]
        assert len({panel["id"] for panel in everything}) == len({panel["title"] for panel in everything})
        assert len({panel["id"] for panel in everything}) == len(everything)
        places = [panel["gridPos"] for panel in everything]
        assert all(place["x"] + place["w"] <= 24 for place in places)
        for a, b in combinations(places, 2):
            apart = (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]) or (
                a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            )
            assert apart, (a, b)


def test_every_data_source_named_is_provisioned() -> None:
    text = json.dumps(list(dashboards().values()))
    named = set(re.findall(r'"datasource": \{"type": "(\w+)", "uid": "(\w+)"\}', text))
    assert named and named <= {(source["type"], uid) for uid, source in datasources().items()}
    for panel, target in targets():
        assert panel["datasource"] == target["datasource"], panel["title"]


def test_each_of_the_ten_has_a_live_and_a_total_panel() -> None:
    for metric in catalogue.TEN:
        assert readable(metric) & used(), metric.prometheus_name
        assert readable(metric, "store_") & used(), f"store_{metric.prometheus_name}"


def test_every_metric_of_the_catalogue_has_a_panel() -> None:
    for gauge in (budgets.BUDGET, budgets.SPENT, budgets.BATCHES_OPEN, budgets.BATCH_OLDEST):
        assert readable(gauge, "store_") & used(), gauge.prometheus_name
    for gauge in model.MODEL:
        assert readable(gauge, "store_") & used(), gauge.prometheus_name
    # the metrics of the GenAI conventions are for dashboards that know these
    for metric in (*catalogue.METRICS, *catalogue.BATCH):
        assert readable(metric) & used() or metric.name.startswith("gen_ai."), metric.prometheus_name


def test_no_query_names_a_metric_that_is_not_in_the_catalogue() -> None:
    live = {name for metric in (*catalogue.METRICS, *catalogue.BATCH) for name in readable(metric)}
    stored = {name for metric in (*catalogue.TEN, *catalogue.STORE_ONLY) for name in readable(metric, "store_")}
    # those of Airflow are asked for under a real one: tests/dags/test_live.py
    assert {name for name in used() if not asks_airflow(name)} <= live | stored | SERVERS.keys()


def test_every_query_of_a_metric_with_an_environment_is_about_the_one_chosen() -> None:
    chosen = f'{{{catalogue.ENVIRONMENT_LABEL}="$environment"'
    labelled = {name for metric in (*catalogue.METRICS, *catalogue.BATCH) for name in readable(metric)}
    labelled |= {name for metric in (*catalogue.TEN, *catalogue.STORE_ONLY) for name in readable(metric, "store_")}
    for _, target in targets():
        for name in metric_names(expand(target["expr"])) & labelled:
            for found in re.finditer(rf"\b{name}\b", target["expr"]):
                assert target["expr"][found.end() :].startswith(chosen), target["expr"]


def test_one_environment_is_chosen_at_a_time_and_prod_where_there_is_one() -> None:
    for dashboard in dashboards().values():
        variable = dashboard["templating"]["list"][0]
        assert variable["name"] == "environment" and not variable["multi"] and not variable["includeAll"]
        # where the default is not offered Grafana takes the first, in the order of the alphabet
        assert variable["current"]["value"] == "prod" and variable["sort"] == 1
        found = re.fullmatch(r'label_values\(\{__name__=~"(.+)"\}, (\w+)\)', variable["query"]["query"])
        assert found and found[2] == catalogue.ENVIRONMENT_LABEL
        assert set(found[1].split("|")) <= used()


def test_live_series_are_aggregated_over_processes() -> None:
    for metric in catalogue.METRICS:
        for query in queries():
            if readable(metric) & metric_names(query):
                assert re.search(r"without \(instance\)|sum( by \([\w, ]+\) )?\(", query), query


def test_steps_neither_overlap_nor_leave_gaps_and_hold_four_scrapes() -> None:
    scraped = datasources()["prometheus"]["jsonData"]["timeInterval"]
    assert scraped == "15s"
    for panel, target in targets():
        assert "$__rate_interval" not in target["expr"], panel["title"]  # never below four scrapes, so it overlaps
        if "$__interval" in target["expr"]:
            assert target["interval"] in ("1m", "1d"), panel["title"]


def test_no_growth_is_asked_of_what_prometheus_takes_for_a_gauge() -> None:
    gauges = {metric.prometheus_name for metric in (*catalogue.METRICS, *catalogue.BATCH) if metric.kind in GAUGES}
    for query in queries():
        assert not {name for name in metric_names(query) & gauges if re.search(rf"(rate|increase)\({name}", query)}, (
            query
        )


def test_the_ten_are_there_by_day_as_sums_over_all_processes_that_the_collector_shows() -> None:
    collector = (ROOT / "otel" / "collector.yaml").read_text(encoding="utf-8")
    by_day = [panel for panel in panels() if re.search(r", (30 h|reported) · ", panel["title"])]
    assert "metric_expiration: ${env:METRIC_EXPIRATION:-30h}" in collector
    asked = [target["expr"] for panel in by_day for target in panel["targets"]]
    assert not [expr for expr in asked if "[" in expr]
    shown = {name for expr in asked for name in metric_names(expand(expr))}
    for metric in catalogue.TEN:
        assert readable(metric) <= shown, metric.prometheus_name
    for panel in by_day:
        assert "reported" in panel["title"] or "“Ever”" in panel["description"], panel["title"]


def test_the_first_panel_lists_the_alerts_of_prometheus_by_severity_and_leads_to_alertmanager() -> None:
    first = dashboards()["pipeline"]["panels"][0]
    assert first["type"] == "alertlist"
    options = first["options"]
    assert options["datasource"] == datasources()["prometheus"]["name"]
    assert options["groupMode"] == "custom" and options["groupBy"][0] == "severity"
    assert [link["url"] for link in first["links"]] == ["http://127.0.0.1:9093"]


def test_lines_of_alerts_are_drawn_where_the_alerts_have_their_thresholds() -> None:
    alerts = {rule["alert"]: rule["expr"] for group in rules("alerts.yml") for rule in group["rules"]}
    drawn_in = {"Disk free": "DiskFilling", "Collector's queues": "QueueFilling", "Budget used": "BudgetNearlyUsed"}
    for title, alert in drawn_in.items():
        [panel] = [panel for panel in panels() if panel["title"].startswith(f"{title} · ")]
        drawn = {step["value"] for step in steps(panel)} - {None}
        assert drawn == {float(value) for value in re.findall(r"[<>] (0\.\d+)", alerts[alert])}, title


def test_the_latency_panels_show_exemplars_and_the_objective() -> None:
    shown = [(panel, target) for panel, target in targets() if target.get("exemplar")]
    assert {panel["type"] for panel, _ in shown} == {"heatmap", "timeseries"}
    assert all(f"{catalogue.DURATION.prometheus_name}_bucket" in target["expr"] for _, target in shown)
    [curves] = [panel for panel, _ in shown if panel["type"] == "timeseries"]
    assert {target["legendFormat"] for target in curves["targets"]} == {"p50", "p95", "p99"}
    assert steps(curves)[-1]["value"] == 8.0 and 8.0 in catalogue.DURATION_BOUNDS
    assert curves["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] == "dashed"


def test_ratios_are_shown_in_percent_and_costs_in_dollars() -> None:
    for panel, target in targets():
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if catalogue.SUCCESS_RATIO.prometheus_name in target["expr"]:
            assert unit == "percentunit", panel["title"]
        if re.match(rf"\D*{catalogue.COST.prometheus_name}", target["expr"]):
            assert unit == "currencyUSD", panel["title"]


def test_no_panel_shows_information_by_colour_alone() -> None:
    for panel in panels():
        if panel["type"] in WITHOUT_VALUES:
            continue
        defaults = panel["fieldConfig"]["defaults"]
        assert not NOT_ALONE & {step["color"] for step in steps(panel)}, panel["title"]
        if panel["type"] == "stat":
            assert panel["options"]["colorMode"] == "none" and "name" in panel["options"]["textMode"]
        if panel["type"] == "timeseries":
            assert panel["options"]["legend"]["showLegend"]
        if panel["type"] != "table":
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]
            assert defaults["color"]["mode"] == "fixed", panel["title"]


def test_what_is_red_says_so_in_words_too() -> None:
    for panel in panels():
        overrides = panel.get("fieldConfig", {}).get("overrides", [])
        coloured = [each for each in overrides if NOT_ALONE & set(re.findall(r'"color": "(\w+)"', json.dumps(each)))]
        if coloured:
            assert '"green"' not in json.dumps(coloured), panel["title"]
            assert any(each["id"] == "mappings" for override in overrides for each in override["properties"])


def test_every_label_in_a_legend_exists_on_its_metric() -> None:
    labels = {
        metric: {label.replace(".", "_") for label in metric.attributes} | {"le"}
        for metric in (*catalogue.METRICS, *catalogue.STORE_ONLY, *catalogue.BATCH)
    }
    for panel, target in targets():
        names = metric_names(expand(target["expr"]))
        known = {
            label
            for metric, own in labels.items()
            if (readable(metric) | readable(metric, "store_")) & names
            for label in own
        } | {label for name in names & SERVERS.keys() for label in SERVERS[name]}
        assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= known, panel["title"]


def test_every_search_asks_for_the_spans_that_the_observer_writes() -> None:
    spans = observed()
    assert searches()
    for traceql in searches():
        [name] = re.findall(r'(?<![.\w])name = "([^"]+)"', traceql)
        assert set(re.findall(r"span\.([\w.]+)", traceql)) <= set(spans[name].attributes or {})


def test_every_link_has_a_name_in_both_languages_and_leads_somewhere() -> None:
    headings = re.findall(r"(?m)^## (\w+)$", (RULES / "runbook.md").read_text(encoding="utf-8"))
    for title, url in links():
        assert " · " in title or title in ("Pipeline", "Claude", "Airflow", "Alertmanager") or "Runbook" in title
        address = urlsplit(url)
        if address.path.startswith("/d/"):
            [led_to] = [each for each in dashboards().values() if f"/d/{each['uid']}" == address.path]
            chosen = {name.removeprefix("var-") for name in parse_qs(address.query) if name.startswith("var-")}
            assert chosen <= {variable["name"] for variable in led_to["templating"]["list"]}, url
        elif address.path.endswith("runbook.html"):
            assert not address.fragment or address.fragment in {heading.lower() for heading in headings}
        else:
            assert address.netloc in ("127.0.0.1:8080", "127.0.0.1:9093"), url


def test_each_dashboard_leads_to_the_other_to_slow_and_failed_calls_and_to_the_runbook() -> None:
    for dashboard in dashboards().values():
        titles = [link["title"] for link in dashboard["links"] if "placement" not in link]  # not in a menu
        assert titles[:3] == ["Pipeline", "Claude", "Model · Modèle"]
        assert titles[3:5] == ["Slow calls · Appels lents", "Failed calls · Appels en échec"]
        assert {"Runbook · Que faire", "Airflow"} <= set(titles)


def test_the_time_shown_at_first_holds_the_last_night_and_the_models_last_thirty() -> None:
    for name, dashboard in dashboards().items():
        assert (dashboard["time"]["from"], dashboard["time"]["to"]) == (
            "now-30d" if name == "model" else "now-24h",
            "now",
        )


def test_every_score_of_the_model_is_drawn_over_time_against_its_limit() -> None:
    score, drawn = f"store_{model.SCORE.prometheus_name}", set[str]()
    for panel, target in targets():
        if panel["type"] == "timeseries" and score in target["expr"]:
            assert [step["value"] for step in steps(panel)] == [None, 1.0], panel["title"]
            drawn |= set(re.findall(r'signal=~?"([^"]+)"', target["expr"])[0].split("|"))
    # their shares are shown
    assert drawn == set(Signal) - {Signal.NO_TOPIC, Signal.NEW_TOPIC}


def test_a_signal_that_cannot_be_judged_says_so_in_words() -> None:
    [panel] = [panel for panel in panels() if panel["title"].startswith("State of the signals · ")]
    words = {
        value: each["text"]
        for override in panel["fieldConfig"]["overrides"]
        for each in [*override["properties"]]
        if each["id"] == "mappings" and override["matcher"]["options"].startswith("state")
        for mapping in each["value"]
        for value, each in mapping["options"].items()
    }
    assert words["0"].startswith("not enough") and words["1"].startswith("within") and words["2"].startswith("above")
    # whatever a score says: 0 where the signal is not ready, and where there is no score
    assert re.fullmatch(r"(.+) \* \(1 \+ \(.+ > bool 1\)\) or \1 \* 0", panel["targets"][0]["expr"])


def test_another_model_and_an_evaluation_are_marked_on_the_models_dashboard() -> None:
    asked = " ".join(mark["expr"] for mark in dashboards()["model"]["annotations"]["list"])
    assert catalogue.MODEL_COST.prometheus_name in asked and model.EVALUATED_AT.prometheus_name in asked


def test_ends_of_tasks_and_firing_alerts_are_marked_over_time() -> None:
    for dashboard in dashboards().values():
        asked = [mark["expr"] for mark in dashboard["annotations"]["list"]]
        assert any(catalogue.BATCH_LAST_SUCCESS.prometheus_name in expr for expr in asked)
        assert any("ALERTS" in expr for expr in asked)


def observed() -> dict[str, ReadableSpan]:
    """The spans of one verbatim and its one attempt by name, as the observer writes them."""
    spans, tracing, metering = InMemorySpanExporter(), TracerProvider(), MeterProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    with TelemetryObserver(tracing, metering).call(Ask("v1", "Très bien.", "key", "fichier")) as call:
        call.answered(Attempt(Outcome.ANALYSED, "sandbox", datetime.now(UTC), 1.0))
    metering.shutdown()
    tracing.shutdown()
    return {span.name: span for span in spans.get_finished_spans()}
