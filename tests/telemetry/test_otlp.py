"""Telemetry over real sockets: it arrives completely, or the process ends soon and reports the loss in one line."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
import requests
from opentelemetry.sdk.metrics._internal import measurement_consumer

from pipeline.errors import SettingsError
from pipeline.events import TextSent
from pipeline.records import Ask, Attempt
from pipeline.telemetry import METRICS, Telemetry, providers, start
from pipeline.telemetry.catalogue import DURATION_BOUNDS

CUMULATIVE = 2


def one_call(telemetry: Telemetry, attempt: Attempt) -> None:
    with (
        telemetry.observer.stage("analyse", "run-1"),
        telemetry.observer.call(Ask("v", "Texte.", "key", "fichier")) as call,
    ):
        call.answered(attempt)
        call.committed(attempt)


def sums_and_histograms(receiver: Any) -> Iterator[tuple[str, str, Any]]:
    for request in receiver.metrics:
        for metric in (m for r in request.resource_metrics for scope in r.scope_metrics for m in scope.metrics):
            data = getattr(metric, metric.WhichOneof("data"))
            if metric.WhichOneof("data") != "gauge":
                yield metric.name, metric.unit, data


def test_everything_arrives_once_and_cumulative_whatever_the_environment_sets(
    receiver: Any, attempt: Callable[..., Attempt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_METRICS_EXEMPLAR_FILTER", "always_off")
    warnings: list[str] = []
    with start(endpoint=receiver.endpoint, headers={"X-Tenant": "a"}, warn=warnings.append) as telemetry:
        one_call(telemetry, attempt())

    assert warnings == []
    # the exports themselves create no span
    assert sorted(span.name for span in receiver.spans()) == ["analyse verbatim", "attempt", "stage analyse"]
    assert len(receiver.metrics) == 1
    assert {headers["x-tenant"] for headers in receiver.headers} == {"a"}
    units = {metric.name: metric.unit for metric in METRICS}
    for name, unit, data in sums_and_histograms(receiver):
        assert (name, unit, data.aggregation_temporality) == (name, units[name], CUMULATIVE)
        assert all(0 < point.start_time_unix_nano <= point.time_unix_nano for point in data.data_points)
    (duration,) = [data for name, _, data in sums_and_histograms(receiver) if name == "verbatim_analysis_duration"]
    (point,) = duration.data_points
    assert tuple(point.explicit_bounds) == DURATION_BOUNDS
    (exemplar,) = point.exemplars
    assert exemplar.trace_id in {span.trace_id for span in receiver.spans() if span.name == "analyse verbatim"}


def test_each_process_has_its_own_instance_id_whatever_the_operator_sets(receiver: Any) -> None:
    added = {"service.instance.id": "fixed", "service.namespace": "shop", "deployment.environment.name": "prod"}
    for _ in range(2):
        with start(endpoint=receiver.endpoint, environment="sandbox", resource_attributes=added):
            pass
    resources = [request.resource_metrics[0].resource for request in receiver.metrics]
    attributes = [{pair.key: pair.value.string_value for pair in resource.attributes} for resource in resources]
    assert len({each["service.instance.id"] for each in attributes} - {"fixed"}) == 2
    for each in attributes:
        assert (each["service.name"], each["deployment.environment.name"]) == ("verbatims", "sandbox")
        assert "service.namespace" not in each


FORK = """
import os, sys, time
from pipeline.events import TextSent
from pipeline.telemetry import start
with start(endpoint=sys.argv[1], export_interval_s=0.1) as telemetry:
    telemetry.observer.emit(TextSent(42))
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        time.sleep(0.5)
        os._exit(0)
"""


def test_a_forked_child_does_not_export_its_parents_counts(receiver: Any) -> None:
    subprocess.run([sys.executable, "-c", FORK, receiver.endpoint], check=True, timeout=30)
    resources = [request.resource_metrics[0].resource for request in receiver.metrics]
    assert len({resource.SerializeToString() for resource in resources}) == 1


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def absent() -> str:
    """An address without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://user:secret@127.0.0.1:{listener.getsockname()[1]}"


def end(telemetry: Telemetry) -> None:
    thread = threading.Thread(target=telemetry.shutdown, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("collector", ["black_hole", "absent"])
def test_without_a_collector_the_process_ends_with_one_warning(
    collector: str,
    attempt: Callable[..., Attempt],
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "opentelemetry")
    endpoint = request.getfixturevalue(collector)
    warnings: list[str] = []
    telemetry = start(endpoint=endpoint, timeout_s=0.2, export_interval_s=0.1, warn=warnings.append)
    one_call(telemetry, attempt())
    end(telemetry)
    place = endpoint.rpartition("/")[2].rpartition("@")[2]
    assert warnings == [
        f"telemetry: 3 spans and the last metrics did not reach {place} (no answer); "
        "see that a Collector runs there, or fix OTEL_EXPORTER_OTLP_ENDPOINT"
    ]
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_a_last_export_that_the_sdk_skips_is_reported(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hours, warnings = count(step=3600 * 10**9), []
    telemetry = start(endpoint=receiver.endpoint, warn=warnings.append)
    telemetry.observer.emit(TextSent(42))
    telemetry.meter_provider.force_flush()
    monkeypatch.setattr(measurement_consumer, "time_ns", lambda: next(hours))
    end(telemetry)
    assert len(receiver.metrics) == 1
    assert [warning.partition(" did not")[0] for warning in warnings] == ["telemetry: the last metrics"]


def test_shutdown_does_not_wait_for_a_longer_export_timeout(
    black_hole: str, attempt: Callable[..., Attempt], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "SHUTDOWN_S", 0.3)
    warnings: list[str] = []
    telemetry = start(endpoint=black_hole, timeout_s=60, warn=warnings.append)
    one_call(telemetry, attempt())
    end(telemetry)
    assert len(warnings) == 1


def test_a_collector_that_rejects_is_named_with_its_response(receiver: Any) -> None:
    receiver.status = 401
    warnings: list[str] = []
    with start(endpoint=receiver.endpoint, warn=warnings.append):
        pass
    (warning,) = warnings
    assert "the last metrics did not reach" in warning
    assert "(HTTP 401)" in warning


def test_shutdown_restores_the_process(receiver: Any) -> None:
    before = (requests.Session.send, [len(logging.getLogger(name).filters) for name in loggers()])
    with start(endpoint=receiver.endpoint):
        assert requests.Session.send is not before[0]
    assert (requests.Session.send, [len(logging.getLogger(name).filters) for name in loggers()]) == before


def loggers() -> list[str]:
    from pipeline.telemetry import _otlp

    return list(_otlp._LOGGERS)


def test_an_invalid_address_is_rejected_at_start() -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        start(endpoint="localhost:4318")
