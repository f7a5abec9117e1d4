"""`docker compose up --build` for real, asked through the ports that it publishes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData
from stack.server import eventually, get

from pipeline.telemetry.catalogue import TEN

from .engine import Engine
from .installation import Installation

pytestmark = pytest.mark.compose

SEEN_WITHIN_S = 180.0
"""The first run takes some seconds, an export five, a scrape five; the machine may be busy."""
STAGES = {"scrape", "clean", "analyse", "load"}


def prometheus(installation: Installation, what: str, **parameters: str) -> Any:
    """The data of an answer of Prometheus' API."""
    return get(f"{installation.url('PROMETHEUS_PORT')}/api/v1/{what}", params=parameters).json()["data"]


def containers(installation: Installation) -> list[dict[str, Any]]:
    """Each container as Compose lists it."""
    lines = installation.compose("ps", "--all", "--format", "json").splitlines()
    return [json.loads(line) for line in lines]


def test_every_service_is_up_and_well(installation: Installation) -> None:
    states = {c["Service"]: (c["State"], c["Health"], c["ExitCode"]) for c in containers(installation)}
    assert states.pop("volumes") == ("exited", "", 0)
    # its image holds nothing to ask it with; the pipeline's check asks it
    assert states.pop("collector") == ("running", "", 0)
    assert set(states.values()) == {("running", "healthy", 0)}, states


def test_no_container_runs_as_root(installation: Installation, docker: Engine) -> None:
    for container in containers(installation):
        user = docker.docker("inspect", "--format", "{{.Config.User}}", container["Name"]).strip()
        assert user not in ("", "0", "root", "0:0"), container["Service"]


def test_the_projects_image_holds_what_runs_and_nothing_that_builds(installation: Installation) -> None:
    look = "import importlib.util as i; print([n for n in ('pip', 'hatchling', 'pytest', 'ruff') if i.find_spec(n)])"
    assert installation.compose("exec", "-T", "pipeline", "python", "-c", look).strip() == "[]"


def test_every_target_of_prometheus_answers(installation: Installation) -> None:
    def down() -> list[str] | None:
        targets = prometheus(installation, "targets")["activeTargets"]
        return None if [t for t in targets if t["health"] != "up"] else [t["scrapePool"] for t in targets]

    pools = eventually(down, SEEN_WITHIN_S, "all targets are up")
    assert pools and {"verbatims", "store", "pushgateway", "collector", "tempo"} <= set(pools)


@pytest.mark.parametrize("prefix", ["", "store_"], ids=["live", "store"])
def test_the_ten_names_are_in_prometheus(installation: Installation, prefix: str) -> None:
    def missing() -> list[str] | None:
        names = set(prometheus(installation, "label/__name__/values"))
        # a histogram and a summary have no series by their bare name
        absent = [m for m in TEN if not {prefix + m.prometheus_name, f"{prefix}{m.prometheus_name}_count"} & names]
        return ["none"] if not absent else None

    eventually(missing, SEEN_WITHIN_S, "ten names")


def test_an_exemplar_leads_to_the_very_call(installation: Installation) -> None:
    def exemplars() -> list[dict[str, Any]]:
        now = time.time()
        query = {"query": "verbatim_analysis_duration_seconds_bucket", "start": str(now - 3600), "end": str(now + 5)}
        return [each for series in prometheus(installation, "query_exemplars", **query) for each in series["exemplars"]]

    trace_id = eventually(exemplars, SEEN_WITHIN_S, "an exemplar")[0]["labels"]["trace_id"]
    [call] = eventually(lambda: calls(installation, trace_id), SEEN_WITHIN_S, f"the call of trace {trace_id} in Tempo")
    said = {attribute.key: attribute.value for attribute in call.attributes}
    assert said["gen_ai.request.model"].string_value == "sandbox"
    assert said["gen_ai.usage.output_tokens"].int_value > 0


def calls(installation: Installation, trace_id: str) -> list[Span]:
    """The calls to Claude in a trace; none while Tempo doesn't have it."""
    wanted = {"Accept": "application/protobuf"}
    answer = get(f"{installation.url('TEMPO_PORT')}/api/traces/{trace_id}", headers=wanted)
    if answer.status_code != 200:
        return []
    scopes = [s for resource in TracesData.FromString(answer.content).resource_spans for s in resource.scope_spans]
    return [span for scope in scopes for span in scope.spans if span.kind == Span.SPAN_KIND_CLIENT]


def test_the_pushgateway_has_a_group_for_each_stage(installation: Installation) -> None:
    def groups() -> list[dict[str, Any]] | None:
        found = get(f"{installation.url('PUSHGATEWAY_PORT')}/api/v1/metrics").json()["data"]
        return found if {group["labels"]["task_id"] for group in found} == STAGES else None

    for group in eventually(groups, SEEN_WITHIN_S, "four groups") or []:
        assert (group["labels"]["job"], group["labels"]["dag_id"]) == ("verbatims", "cli")
        assert "batch_last_success_timestamp_seconds" in group


def test_stopping_the_pipeline_ends_it_in_good_order(installation: Installation) -> None:
    """The last one: whoever looks for live metrics has looked."""
    installation.compose("stop", "pipeline", within_s=120)
    [stopped] = [container for container in containers(installation) if container["Service"] == "pipeline"]
    assert (stopped["State"], stopped["ExitCode"]) == ("exited", 0)
