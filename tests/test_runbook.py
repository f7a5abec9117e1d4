"""The runbook's page is current and accessible, and its queries and commands name what exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from pipeline.cli import _parser
from pipeline.errors import SettingsError
from pipeline.telemetry import catalogue
from pipeline.telemetry.metric import Kind, Metric

ROOT = Path(__file__).parents[1]
PROMETHEUS = ROOT / "otel" / "prometheus"
BUILD = ROOT / "otel" / "build_runbook.py"
RUNBOOK = (PROMETHEUS / "runbook.md").read_text(encoding="utf-8")
PAGE = (PROMETHEUS / "web" / "runbook.html").read_text(encoding="utf-8")

SERVERS = {
    # Prometheus
    "up",
    "ALERTS",
    "scrape_samples_scraped",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_config_last_reload_successful",
    # Alertmanager, Pushgateway, Tempo
    "alertmanager_notifications_failed_total",
    "push_time_seconds",
    "push_failure_time_seconds",
    "tempo_discarded_spans_total",
    # the Collector
    "otelcol_exporter_queue_size",
    "otelcol_exporter_queue_capacity",
    "otelcol_exporter_send_failed_metric_points",
    # Airflow
    "airflow_scheduler_heartbeat_total",
    "airflow_dag_processor_heartbeat_total",
    "airflow_triggerer_heartbeat_total",
    "airflow_dag_processing_import_errors",
    "airflow_executor_queued_tasks",
}
"""Metrics of the servers themselves that the runbook may ask for."""

NO_METRIC = re.compile(
    r'"[^"]*"'  # strings, before all that they may hold
    r"|\{[^{}]*\}|\[[^\[\]]*\]"  # labels and windows
    r"|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)"
    r"|\b(?:and|or|unless|offset|bool)\b"
    r"|\b\w+(?=\s*\(|\s+(?:by|without)\b)"  # functions
    r"|(?<![\w:])\d[\w.]*"  # numbers and durations
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)


def lines(language: str) -> list[str]:
    return [line for block in blocks(language) for line in block.splitlines() if line]


def alerts() -> list[str]:
    read = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    return list(dict.fromkeys(rule["alert"] for group in read["groups"] for rule in group["rules"]))


def series_of(metric: Metric) -> set[str]:
    endings = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
    return {metric.prometheus_name + ending for ending in endings}


def known() -> set[str]:
    """Every name that Prometheus may be asked for."""
    rules = yaml.safe_load((PROMETHEUS / "recording.yml").read_text(encoding="utf-8"))
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"]}
    live = {name for metric in (*catalogue.METRICS, *catalogue.BATCH) for name in series_of(metric)}
    # a summary, which has no buckets
    served = {name for metric in (*catalogue.TEN, *catalogue.STORE_ONLY) for name in series_of(metric)}
    stored = {f"store_{name}" for name in served if name != f"{catalogue.DURATION.prometheus_name}_bucket"}
    return recorded | live | stored | SERVERS


def metrics_in(query: str) -> set[str]:
    return set(re.findall(r"[a-zA-Z_:][\w:]*", NO_METRIC.sub(" ", query)))


def commands_in(text: str) -> list[str]:
    """What stands behind `verbatims` in code blocks and in inline code."""
    inline = re.findall(r"`(verbatims [^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    shown = [line for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S) for line in block.splitlines()]
    return [part for line in [*inline, *shown] for part in re.findall(r"(?<![\w/-])verbatims (.+)", line)]


def parses(command: str) -> bool:
    try:
        _parser().parse_args(shlex.split(command))
    except (SettingsError, SystemExit):
        return False
    return True


class Page(HTMLParser):
    """The tags of the page, with the language that each stands in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


def test_the_page_is_what_the_markdown_makes() -> None:
    ended = subprocess.run([sys.executable, str(BUILD), "--check"], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr


def test_each_alert_has_one_anchor_and_one_line_in_the_contents() -> None:
    page = Page(PAGE)
    ids = page.values("id")
    contents = PAGE.partition("<nav")[2].partition("</nav>")[0]
    assert [name for name in ids if name not in ("top", "all")] == [alert.lower() for alert in alerts()]
    assert Page(contents).values("href") == [f"#{alert.lower()}" for alert in alerts()]


def test_every_link_within_the_page_has_its_target() -> None:
    page = Page(PAGE)
    assert {href[1:] for href in page.values("href") if href.startswith("#")} <= set(page.values("id"))


def test_the_alerts_link_to_the_anchors() -> None:
    urls = re.findall(r'runbook_url: "?([^"\n]+)', (PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    assert {url.partition("#")[2] for url in urls} == {alert.lower() for alert in alerts()}


def test_each_section_is_short_and_says_it_in_french_then_in_english() -> None:
    sections = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]
    assert len(sections) == len(alerts())
    for section in sections:
        assert len(section.splitlines()) < 40, section.splitlines()[0]
        # in this order
        parts = ["**FR** ", "**Conséquence.**", "**Regarder.**", "**Faire.**", "**Fini quand**"]
        parts += ["**EN** ", "**Impact.**", "**Look.**", "**Do.**", "**Over when**", "**Requêtes · Queries**"]
        places = [section.find(part) for part in parts]
        assert -1 not in places and all(one < other for one, other in pairwise(places)), section.splitlines()[0]


def test_the_page_runs_no_script_and_fetches_nothing() -> None:
    page = Page(PAGE)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object"}
    assert not page.values("src") and not re.search(r"url\(|@import", PAGE)
    assert [attributes["href"] for tag, attributes in page.tags if tag == "link"] == ["data:,"]


def test_each_alert_has_a_french_and_an_english_part_and_code_can_be_scrolled_by_keyboard() -> None:
    page = Page(PAGE)
    parts = [attributes["lang"] for tag, attributes in page.tags if tag == "div" and "lang" in attributes]
    assert parts == ["fr", "en"] * (1 + len(alerts()))
    assert all(attributes.get("tabindex") == "0" for tag, attributes in page.tags if tag == "pre")


def test_contrast_is_enough_in_light_and_in_dark() -> None:
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in PAGE.split("@media")[:2])
    for colours in (light, dark):
        for over in ("back", "code"):
            for ink in ("text", "soft", "link"):
                assert contrast(colours[ink], colours[over]) >= 4.5, (ink, over, colours)


def contrast(one: str, other: str) -> float:
    """By WCAG 2.2."""
    lights = sorted(luminance(colour) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_metric_in_the_queries_exists() -> None:
    assert len(lines("promql")) > 40
    unknown = {query: found for query in lines("promql") if (found := metrics_in(query) - known())}
    assert unknown == {}


@pytest.mark.parametrize(
    "query",
    [
        "sum by (outcome) (rate(claude_call_total[15m]))",
        'verbatims:claude_calls:increase5m{outcome!="analysed"} > 0',
        "up unless store_verbatim_analysis_duration_seconds_bucket offset 12h",
        "7 * store_batch_duration_seconds / on (dag_id) group_left () sum(up)",
    ],
)
def test_a_wrong_metric_is_found(query: str) -> None:
    assert len(metrics_in(query) - known()) == 1


def test_every_command_of_verbatims_exists() -> None:
    shown = commands_in(RUNBOOK)
    assert len(shown) > 25
    # named in a sentence, without what it takes
    bare = ("forget", "show")
    assert [command for command in shown if command not in bare and not parses(command)] == []


@pytest.mark.parametrize("command", ["retry", "failed --id 3", "load --run", "doctor now"])
def test_a_wrong_command_is_found(command: str) -> None:
    text = f"`verbatims {command}`\n\n```sh\ndocker compose exec airflow-scheduler verbatims {command}\n```\n"
    assert commands_in(text) == [command, command]
    assert not parses(command)


def test_every_service_in_the_commands_exists() -> None:
    services = set(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"])
    # those that Prometheus scrapes too
    configured = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    services |= {job["static_configs"][0]["targets"][0].partition(":")[0] for job in configured["scrape_configs"]}
    named = {
        word
        for line in lines("sh")
        if (found := re.match(r"docker compose (?:(exec) |ps|logs|up|restart)(.*)", line))
        for word in (found[2].split()[:1] if found[1] else found[2].split())
        if re.fullmatch(r"[a-z][a-z-]+", word)
    }
    assert named and named <= services, named - services
