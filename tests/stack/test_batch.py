"""A task's metrics in the Pushgateway after success, failure, a second run and an outage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from pipeline.sandbox import Sandbox

from .runs import Runs
from .server import eventually
from .stack import Stack

pytestmark = pytest.mark.stack

TEXTS = [f"La livraison numéro {number} était rapide." for number in range(30)]
Values = dict[tuple[str, str, str], float]


@pytest.fixture(autouse=True)
def forwarder(stack: Stack) -> Iterator[None]:
    with stack.serving("forwarder", VERBATIMS_PUSHGATEWAY_URL=stack.url("pushgateway")):
        yield


def left(stack: Stack) -> Values:
    """(metric, task, outcome) → value, of every group that the runs pushed."""
    values: Values = {}
    for group in stack.groups():
        assert group["labels"]["job"] == "verbatims" and "instance" not in group["labels"]
        for name, family in group.items():
            for metric in family.get("metrics", []) if isinstance(family, dict) else []:
                values[name, group["labels"]["task_id"], metric["labels"].get("outcome", "")] = float(metric["value"])
    return values


def arrived(stack: Stack, key: tuple[str, str, str], value: float, within_s: float = 60) -> Values:
    """The pushed values, as soon as one of them has the expected value."""

    def look() -> Values | None:
        values = left(stack)
        return values if values.get(key) == value else None

    found = eventually(look, within_s, f"{key} is {value} in the Pushgateway")
    assert isinstance(found, dict)
    return found


def test_groups_and_values_after_success_failure_and_a_second_run(stack: Stack, runs: Callable[..., Runs]) -> None:
    made = runs(VERBATIMS_RETRY_S="0")
    with Sandbox(latency_s=0) as sandbox:
        assert made.start("reviews", TEXTS, ANTHROPIC_BASE_URL=sandbox.url).end() == 0
    first = arrived(stack, ("batch_verbatims", "load", "analysed"), 30)
    outcomes = {key[2]: value for key, value in first.items() if key[:2] == ("batch_verbatims", "analyse")}
    assert outcomes == {"analysed": 30, "from_cache": 0, "skipped": 0, "failed": 0, "pending": 0}
    assert first["batch_errors", "analyse", ""] == 0 and first["batch_cost_usd", "analyse", ""] > 0
    with Sandbox(latency_s=0, faults={"overloaded": 1.0}) as sandbox:
        more = [f"{text} Encore." for text in TEXTS]
        assert made.start("others", more, ANTHROPIC_BASE_URL=sandbox.url).end() == 3
    failed = arrived(stack, ("batch_errors", "analyse", ""), 1)
    success = "batch_last_success_timestamp_seconds"
    assert failed[success, "analyse", ""] == first[success, "analyse", ""]
    assert failed[success, "clean", ""] > first[success, "clean", ""]
    with Sandbox(latency_s=0) as sandbox:
        assert made.start("others", more, ANTHROPIC_BASE_URL=sandbox.url).end() == 0
    second = arrived(stack, ("batch_errors", "analyse", ""), 0)
    assert second[success, "analyse", ""] > failed[success, "analyse", ""]


def test_metrics_pushed_during_a_gateway_outage_arrive_afterwards(stack: Stack, runs: Callable[..., Runs]) -> None:
    gateway = next(server for server in stack.servers if server.name == "pushgateway")
    gateway.kill()
    with Sandbox(latency_s=0) as sandbox:
        assert runs().start("reviews", TEXTS[:7], ANTHROPIC_BASE_URL=sandbox.url).end() == 0
    gateway.start()
    gateway.wait()
    arrived(stack, ("batch_verbatims", "load", "analysed"), 7, within_s=120)


def test_an_invalid_metric_is_rejected_once_and_blocks_no_other(stack: Stack, runs: Callable[..., Runs]) -> None:
    poison = ExportMetricsServiceRequest()
    resource = poison.resource_metrics.add()
    resource.resource.attributes.append(label("service.name", "verbatims"))
    scope = resource.scope_metrics.add()
    scope.scope.name = "pipeline.batch"
    histogram = scope.metrics.add(name="batch_poison").histogram
    histogram.aggregation_temporality = 2  # type: ignore[assignment, unused-ignore]
    histogram.data_points.add(count=1, attributes=[label("dag_id", "cli"), label("task_id", "load")])
    answer = requests.post(
        f"{stack.otlp_endpoint}/v1/metrics",
        poison.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
        timeout=10,
    )
    assert answer.status_code == 200
    with Sandbox(latency_s=0) as sandbox:
        assert runs().start("reviews", TEXTS[:5], ANTHROPIC_BASE_URL=sandbox.url).end() == 0
    arrived(stack, ("batch_verbatims", "load", "analysed"), 5)
    said = stack.collector.log.read_text(errors="replace")
    assert "batch_poison: a histogram has no place in the Pushgateway" in said


def label(key: str, value: str) -> Any:
    return KeyValue(key=key, value=AnyValue(string_value=value))
