"""After a run that an outage stopped, the dashboard says so at a glance: nothing of the run before hides it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from grafana.queries import expand, panels

from pipeline.sandbox import Sandbox

from .runs import Runs
from .server import eventually
from .stack import Stack

pytestmark = pytest.mark.stack

VERBATIMS = 20
APART_S = 65
"""The panel takes what was pushed within a minute for one run."""


@pytest.fixture(scope="module")
def after_outage(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A good run, and a minute later one in an outage of Claude."""
    runs = Runs(tmp_path_factory.mktemp("failed"), {"OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint})
    with stack.serving("forwarder", VERBATIMS_PUSHGATEWAY_URL=stack.url("pushgateway")):
        try:
            with Sandbox(latency_s=0.05) as sandbox:
                assert runs.start("good", texts("un"), ANTHROPIC_BASE_URL=sandbox.url).end() == 0
            time.sleep(APART_S)
            with Sandbox(latency_s=0.05, faults={"overloaded": 1.0}) as sandbox:
                assert runs.start("bad", texts("deux"), ANTHROPIC_BASE_URL=sandbox.url, VERBATIMS_RETRY_S="0").end()
            eventually(lambda: stack.value('batch_succeeded{task_id="analyse"}') == 0, 60, "the failure is pushed")
            yield stack
        finally:
            runs.stop()


def texts(name: str) -> list[str]:
    return [f"La livraison {number} de {name} est rapide." for number in range(VERBATIMS)]


def line(stack: Stack, title: str, dag: str = "cli") -> dict[str, str]:
    """One line of a table as Grafana shows it: column → value, in words where there are any."""
    [panel] = [panel for panel in panels() if panel["title"].startswith(f"{title} · ")]
    [names] = [each["options"]["renameByName"] for each in panel["transformations"] if each["id"] == "organize"]
    shown = {}
    for target in panel["targets"]:
        found = [value for labels, value in stack.query(expand(target["expr"])) if labels["dag_id"] == dag]
        if found:
            column = names[f"Value #{target['refId']}"]
            shown[column] = words(panel, column).get(f"{found[0]:g}", f"{found[0]:g}")
    return shown


def words(panel: dict[str, Any], column: str) -> dict[str, str]:
    """Value → what the column says instead."""
    own = [each for each in panel["fieldConfig"]["overrides"] if each["matcher"]["options"] == column]
    properties = [each for override in own for each in override["properties"] if each["id"] == "mappings"]
    mappings = [mapping["options"] for each in properties for mapping in each["value"]]
    return {value: result["text"] for options in mappings for value, result in options.items()}


def test_the_last_run_shows_its_failure_and_what_is_pending(after_outage: Stack) -> None:
    shown = line(after_outage, "Last run of each DAG")
    assert list(shown)[:2] == ["pending · en attente", "errors · erreurs"]
    assert int(shown["pending · en attente"]) == VERBATIMS and int(shown["errors · erreurs"]) >= 1
    assert shown["scrape · lire"] == shown["clean · nettoyer"] == "done · réussie"
    assert shown["analyse · analyser"] == "failed · échec"
    assert shown["load · charger"] == "not reached · non atteinte"
