"""A call counts once in the dashboards, and a slow one is seen, whatever the time shown."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from grafana.queries import FILLED_IN, targets

from pipeline.sandbox import Sandbox
from pipeline.telemetry import catalogue

from .runs import Runs
from .server import eventually, get
from .stack import SCRAPE_S, Stack

pytestmark = pytest.mark.stack

CALLS = 60
SLOW_S, BELOW, ABOVE = 3.0, "2.0", "4.0"
"""The sandbox varies a latency by a fifth: it stays between two bounds."""
ZOOMS = {
    "15m": (900, 60),
    "6h": (6 * 3600, 60),
    "24h": (86400, 120),
    "7d": (7 * 86400, 1200),
    "30d": (30 * 86400, 3600),
}
"""Time shown and step, in seconds, as Grafana chooses it for a panel of some 700 pixels, but never below a minute."""
Points = list[tuple[dict[str, str], list[float]]]


@pytest.fixture(scope="module")
def ran(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack after three short-lived processes, the last of which made one slow call, over two minutes."""
    runs = Runs(tmp_path_factory.mktemp("zoom"), {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint})
    try:
        with Sandbox(latency_s=0.1) as quick, Sandbox(latency_s=SLOW_S) as slow:
            for name, calls, claude in (("un", 40, quick), ("deux", 19, quick), ("trois", 1, slow)):
                texts = [f"La livraison {number} de {name} est rapide." for number in range(calls)]
                assert runs.start(name, texts, ANTHROPIC_BASE_URL=claude.url).end() == 0
                time.sleep(35)  # so that they fall into several steps
        counted = f"sum({catalogue.CALLS.prometheus_name})"
        eventually(lambda: stack.value(counted) == CALLS, 60, "Prometheus has scraped every call")
        time.sleep(2 * SCRAPE_S)
        yield stack
    finally:
        runs.stop()


def asked(metric_part: str, panel_type: str) -> str:
    """The first query of a panel that reads this."""
    return next(
        target["expr"]
        for panel, target in targets()
        if panel["type"] == panel_type and metric_part in target["expr"] and "$__interval" in target["expr"]
    )


def shown(stack: Stack, expression: str, zoom: str) -> Points:
    """What Grafana would draw: the values of each series, one for each step."""
    seconds, step = ZOOMS[zoom]
    for name, value in (FILLED_IN | {"$__interval": f"{step}s"}).items():
        expression = expression.replace(name, value)
    now = time.time()
    # as many whole steps as fit, the last of them ends now
    start = now - seconds // step * step
    parameters = {"query": expression, "start": str(start), "end": str(now), "step": str(step)}
    answer = get(f"{stack.url('prometheus')}/api/v1/query_range", params=parameters).json()
    assert answer["status"] == "success", answer
    return [(each["metric"], [float(value) for _, value in each["values"]]) for each in answer["data"]["result"]]


@pytest.mark.parametrize("zoom", ZOOMS)
def test_the_heatmaps_cells_add_up_to_the_calls_and_show_the_slow_one(ran: Stack, zoom: str) -> None:
    expression = asked(f"{catalogue.DURATION.prometheus_name}_bucket", "heatmap")
    by_bound = {labels["le"]: values for labels, values in shown(ran, expression, zoom)}
    assert sum(by_bound["+Inf"]) == CALLS
    between = [above - below for above, below in zip(by_bound[ABOVE], by_bound[BELOW], strict=True)]
    assert sorted(between)[-1:] == [1] and sum(between) == 1
    assert all(value >= 0 for values in by_bound.values() for value in values)


@pytest.mark.parametrize("zoom", ZOOMS)
def test_the_steps_of_calls_by_outcome_add_up_to_the_calls(ran: Stack, zoom: str) -> None:
    found = shown(ran, asked(f"{catalogue.CALLS.prometheus_name}{{", "timeseries"), zoom)
    totals = Counter({labels["outcome"]: sum(values) for labels, values in found})
    assert +totals == {"analysed": CALLS}


SCRAPED = {
    "a process that lives for one scrape": ("_x7 0 5x40", 5),
    "a process that ends and is forgotten": ("0 2 7x9 stale", 7),
    "a missed scrape": ("0 3 3 3 _ _ 4x40", 4),
    "a scrape that failed, which ends every series": ("0 3 3 3 stale _ 4x40", 4),
    "an outage of Prometheus, after which an ended process is still shown": ("0 9 30x5 _x40 30x20", 30),
    "a long process": ("0+1x60", 60),
}
"""What is scraped, every 15 seconds from 0:00 on, in promtool's notation, and how many calls that is."""


@pytest.mark.parametrize("case", SCRAPED)
def test_the_steps_add_up_whatever_the_scrapes_miss(case: str, binaries: Mapping[str, Path], tmp_path: Path) -> None:
    samples, calls = SCRAPED[case]
    labels = 'deployment_environment_name="sandbox", outcome="analysed"'
    expression = asked(f"{catalogue.CALLS.prometheus_name}{{", "timeseries")
    for name, value in (FILLED_IN | {"$__interval": "1m"}).items():
        expression = expression.replace(name, value)
    # the sum over the steps of half an hour, a minute each
    total = {"expr": f"sum_over_time(({expression})[30m:1m])", "eval_time": "30m"}
    expected = [{"labels": '{outcome="analysed"}', "value": calls}]
    series = f'{catalogue.CALLS.prometheus_name}{{instance="x", {labels}}}'
    group = {
        "interval": "15s",
        "input_series": [{"series": series, "values": samples}],
        "promql_expr_test": [total | {"exp_samples": expected}],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"tests": [group]}), encoding="utf-8")
    command = [str(binaries["prometheus"] / "promtool"), "test", "rules", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
